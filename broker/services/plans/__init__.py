"""The last plan, as everybody may read it, and what follows from it: when a batch may end.

Belongs here: what the leader publishes. It must not know how a plan comes about.
"""
