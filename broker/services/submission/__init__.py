"""The way of a batch into the database: rights, limits, rows, and an answer that is durable.

Belongs here: everything up to the 201 of a new batch. It must not know the leader, nor what
becomes of the jobs.
"""
