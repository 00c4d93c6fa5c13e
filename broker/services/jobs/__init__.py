"""Batches and jobs once they are submitted: shown, followed, explained, cancelled, run again, and
what their attempts send.

Belongs here: all that is asked about work that exists. It must not know what quotas are made of.
"""
