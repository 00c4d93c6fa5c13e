"""Use cases: one function each, with its transaction and its authorisation.

Knows storage, queues and scheduling; knows nothing of HTTP and holds no SQL. What a caller may do
is asked of `broker.domain.access` only, through `requests.actor.Actor`.

Use cases lie in rooms, each told by its docstring; rooms import only downward (`pyproject.toml`).
A new one goes to the room of the noun that it changes or shows, and to the higher room if it needs
two. `context` stands between: what is above it may take all `Services`, what is below takes the
parts that it needs.
"""
