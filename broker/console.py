"""How the log of a broker or an agent looks: columns on a terminal, a JSON object a line elsewhere.

Always on stderr, never with the values of local variables: a token may be among them.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from broker.errors import reason_of
from broker.protocol.base import CONTROL_CHARACTERS

_ESCAPED = CONTROL_CHARACTERS | {"\t", "\n"} | set(map(chr, range(0x80, 0xA0)))


def configure(stream: TextIO | None = None) -> None:
    """Set up structlog for this process."""
    stream = stream or sys.stderr
    person = stream.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if person else "iso", utc=not person),
            structlog.processors.StackInfoRenderer(),
            *([] if person else [structlog.processors.format_exc_info]),
            escape_control_characters,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if person
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    if not any(isinstance(handler, _OfLibraries) for handler in logging.root.handlers):
        logging.root.addHandler(_OfLibraries(logging.WARNING))


class _OfLibraries(logging.Handler):
    """What asyncpg, aiohttp and asyncio log, in the same shape: a trace only for an error."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        about: dict[str, object] = {"library": record.name}
        if error is not None and record.levelno < logging.ERROR:
            about["reason"] = reason_of(error)
        elif error is not None:
            about["exc_info"] = error
        structlog.get_logger().log(record.levelno, record.getMessage(), **about)


def escape_control_characters(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Make control characters visible: a job's name must not move the operator's cursor."""
    for name, value in event.items():
        if isinstance(value, str) and name not in ("exception", "stack"):
            event[name] = escaped(value)
    return event


def escaped(text: str) -> str:
    """The text with its control characters made visible, for a log or a terminal."""
    return "".join(repr(c)[1:-1] if c in _ESCAPED else c for c in text)
