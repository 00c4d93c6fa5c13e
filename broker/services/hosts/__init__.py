"""Hosts and pools: how a host joins, asks for work, gets leases, renews and settles them.

Belongs here: a lease from the moment it is handed out until it ends. It must not know why the
leader chose a job.
"""
