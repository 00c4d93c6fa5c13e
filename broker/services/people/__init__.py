"""Accounts, teams, and what stands for them: tokens, execution accounts, entries of the audit log.

Belongs here: who exists, joins and leaves. It must not know what people own or run: projects, apps,
hosts, jobs.
"""
