"""What is wrong with a message, in words for whoever wrote it rather than for who checks it."""

from pydantic_core import ErrorDetails

from broker.protocol.base import IN_WORDS

PLAIN = {"extra_forbidden": "there is no such field", "missing": "is missing"}


def detail_of(bad: ErrorDetails) -> str:
    """One complaint of pydantic, without the field's name.

    >>> from pydantic import TypeAdapter, ValidationError
    >>> from broker.protocol.base import Name
    >>> try:
    ...     TypeAdapter(Name).validate_python("My Lab")
    ... except ValidationError as refused:
    ...     print(*map(detail_of, refused.errors()))
    expected lower-case letters, digits, dots and hyphens, with a letter or digit at both ends
    """
    context = bad.get("ctx", {})
    match bad["type"]:
        case "value_error":  # of a validator of ours, which knows best
            return str(context["error"])
        case "string_pattern_mismatch" if context["pattern"] in IN_WORDS:
            return f"expected {IN_WORDS[context['pattern']]}"
        case "json_invalid":
            return f"not valid JSON: {context['error']}".replace(" at line 1 column", ", at column")
        case kind:
            return PLAIN.get(kind, bad["msg"])
