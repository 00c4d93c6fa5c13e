"""Fairlead's broker: fair-share queueing of jobs for many scientists on shared GPU hosts.

The folder list is the architecture; imports point only downward (see docs/architecture.md).
"""
