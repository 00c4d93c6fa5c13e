"""HTTP in: one route table, each row with its policy; handlers that parse, call, answer.

No SQL and no rules here. `routes.py` is the map; start reading there.
"""
