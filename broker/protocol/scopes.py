"""What a token may be used for. Apart from the messages, for the command line starts with it."""

from enum import StrEnum


class TokenScope(StrEnum):
    """What a token may be used for, of what its account may do. Several add up.

    `broker.domain.access.scopes` says which actions each contains.
    """

    ALL = "all"
    READ = "read"
    SUBMIT = "submit"
    WRITE = "write"
    HOSTS = "hosts"
    ADMIN = "admin"
