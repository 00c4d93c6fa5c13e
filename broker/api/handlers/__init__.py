"""Handlers by noun: each parses, calls one use case and answers, in fifteen lines at most."""
