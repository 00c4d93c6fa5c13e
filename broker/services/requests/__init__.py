"""The caller in the middle of one request: who it is, what it may do, what its words refer to, and
the one answer that a repeated request gets.

Belongs here: what every use case needs before it can begin. It must not know any use case.
"""
