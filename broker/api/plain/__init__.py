"""Plain handlers: one shared way from a route to a use case.

Such a handler parses the body, runs one use case with the parts of the path, and answers. Whatever
needs more, say a setting or an id of one kind, has a handler of its own and stands in the table as
a `Route`.
"""

from broker.api.plain.makers import (
    acting,
    changing,
    creating,
    deleting,
    paging,
    searching,
    showing,
    writing,
)
from broker.api.plain.rows import Plain

__all__ = [
    "Plain",
    "acting",
    "changing",
    "creating",
    "deleting",
    "paging",
    "searching",
    "showing",
    "writing",
]
