"""Use cases: one function each, with its transaction and its authorisation.

Knows storage, queues and scheduling; knows nothing of HTTP and holds no SQL. What a caller may do
is asked of `broker.domain.access` only, through `identity.Actor`.
"""
