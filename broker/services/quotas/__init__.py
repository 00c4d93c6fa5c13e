"""Who is due what: quotas, groups, budgets, donated credit, and the fair-share table of it all.

Belongs here: what admins and volunteers set, and what follows for the shares. It must not know
single batches and jobs.
"""
