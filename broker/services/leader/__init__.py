"""What one broker at a time does: remember all waiting work and all hosts, plan, hand out leases.

Belongs here: the memory of the scheduler, and its cycle. It must not know requests: what people
change reaches it through PostgreSQL and Redis.
"""
