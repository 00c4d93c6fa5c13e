"""Pure rules: the job's life, who may do what, quotas, credit, and what fits where.

Plain functions of values. No async, no SQL, no HTTP, no Redis; nothing here can fail for a reason
outside its arguments.
"""
