"""PostgreSQL and the files: what is true.

SQL text stands in `sql/<noun>.sql` as named blocks; `<noun>.py` holds functions
`(connection, ...) -> value`, set-based, one round trip each. No rules and no permissions here.
"""
