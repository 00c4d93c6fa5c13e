"""Data in projects and on hosts: files, tables, data roots, images, and what may be used where.

Belongs here: what jobs read and write, apart from their own inputs and outputs. It must not know
apps, hosts or jobs.
"""
