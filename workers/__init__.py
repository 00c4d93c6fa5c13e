"""Fairlead's worker agent: pulls leases, runs them, reports what they used.

Speaks to the broker over HTTP only. It must never import asyncpg, redis or numba: a GPU host
installs `fairlead[worker]` and nothing else.
"""
