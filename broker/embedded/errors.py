"""The one error of this room. Its message is a single line that says what to do."""

from broker.errors import StartupError


class EmbeddedError(StartupError):
    """The embedded servers cannot run; `log_tail` holds a dead server's last words, else ''."""

    def __init__(self, message: str, *, log_tail: str = "") -> None:
        super().__init__(message)
        self.log_tail = log_tail
