"""Apps and their versions: made, published, deprecated, and compiled for those who run them.

Belongs here: what can be run, and who may administer it. It must not know what is running.
"""
