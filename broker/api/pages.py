"""Pages for people, rendered on the server from the OpenAPI document: no script, one style sheet.

Everything passes through `escape`; nothing here knows where the text came from.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Final

from broker.protocol.problems import CLASS_OF_CODE, STATUS

Json = dict[str, Any]

STYLE_PATH: Final = "/docs/style.css"
_CODE = re.compile(r"`([^`]+)`")

# Refusals of the HTTP server itself, which no error class stands for.
HTTP_CODES: Final = {
    "method_not_allowed": (405, "The path exists, but not with this method; see `Allow`."),
    "http_error": (400, "The request is not HTTP as the broker understands it."),
}


def page(title: str, body: str) -> str:
    """A whole HTML page."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        f'<link rel="stylesheet" href="{STYLE_PATH}">\n</head>\n<body>\n{body}\n</body>\n</html>\n'
    )


# -- the API --------------------------------------------------------------------------------


def api_page(document: Json) -> str:
    """The OpenAPI document, grouped by noun."""
    info = document["info"]
    schemas = document["components"]["schemas"]
    groups = {tag["name"]: list(_operations(document, tag["name"])) for tag in document["tags"]}
    parts = [
        f"<h1>{escape(info['title'])} <small>HTTP API {escape(info['version'])}</small></h1>",
        _paragraphs(info["description"]),
        '<p>The same for programs: <a href="/openapi.json">openapi.json</a></p>',
        _contents(groups, schemas),
    ]
    for tag, operations in groups.items():
        parts.append(f'<h2 id="{escape(tag)}">{escape(tag)}</h2>')
        parts += [_operation(*operation) for operation in operations]
    parts.append('<h2 id="models">models</h2>')
    parts += [_model(name, schema) for name, schema in sorted(schemas.items())]
    parts.append('<h2 id="problems">problems</h2>')
    parts.append(_problem_list())
    return page("Fairlead API", "\n".join(parts))


def _operations(document: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _contents(groups: dict[str, list[tuple[str, str, Json]]], schemas: Json) -> str:
    entries = [
        f'<li><a href="#{escape(tag)}">{escape(tag)}</a> ({len(operations)})</li>'
        for tag, operations in groups.items()
    ]
    entries.append(f'<li><a href="#models">models</a> ({len(schemas)})</li>')
    entries.append('<li><a href="#problems">problems</a></li>')
    return f"<nav><ul>{''.join(entries)}</ul></nav>"


def _operation(method: str, path: str, operation: Json) -> str:
    identifier = escape(operation["operationId"])
    parts = [
        f'<section class="operation" id="{identifier}">',
        f'<h3><span class="method {method.lower()}">{method}</span> '
        f'<a href="#{identifier}"><code>{escape(path)}</code></a></h3>',
        f"<p>{escape(operation['summary'])}</p>",
        f'<p class="who">{escape(operation["description"])}</p>',
        _parameters(operation.get("parameters", [])),
    ]
    if body := operation.get("requestBody"):
        parts.append(f"<p>Body: {_content(body['content'])}</p>")
    parts.append(_answers(operation["responses"]))
    parts.append("</section>")
    return "\n".join(part for part in parts if part)


def _parameters(parameters: list[Json]) -> str:
    rows = [
        (
            f"<code>{escape(parameter['name'])}</code>",
            f"{escape(parameter['in'])}{'' if parameter['required'] else ', optional'}",
            _type(parameter["schema"]),
            _text(parameter["description"]),
        )
        for parameter in parameters
        if "$ref" not in parameter  # the headers that the introduction explains
    ]
    return _table(("parameter", "where", "type", "meaning"), rows)


def _answers(responses: Json) -> str:
    good, refusals = [], []
    for status, response in responses.items():
        if "$ref" in response:
            name = response["$ref"].rpartition("/")[2]
            code = next(cls.code for cls in STATUS if cls.__name__ == name)
            refusals.append(f'<a href="/problems/{code}">{status}</a>')
        else:
            content = _content(response.get("content", {}))
            good.append(f"{status} {content}".strip())
    also = f"; refusals: {', '.join(refusals)}" if refusals else ""
    return f"<p>Answer: {', '.join(good)}{also}</p>"


def _content(content: Json) -> str:
    return " or ".join(
        _type(media["schema"]) if media["schema"] else f"<code>{escape(kind)}</code>"
        for kind, media in content.items()
    )


# -- models ---------------------------------------------------------------------------------


def _model(name: str, schema: Json) -> str:
    required = schema.get("required", ())
    rows = [
        (
            f"<code>{escape(field)}</code>",
            _type(described) + ("" if field in required else ", optional"),
            _meaning(described),
        )
        for field, described in schema.get("properties", {}).items()
    ]
    values = " | ".join(f"<code>{escape(str(value))}</code>" for value in schema.get("enum", ()))
    return "\n".join(
        part
        for part in (
            f'<section class="model" id="model-{escape(name)}">',
            f"<h3>{escape(name)}</h3>",
            _paragraphs(schema.get("description", "")),
            f"<p>{values}</p>" if values else "",
            _table(("field", "type", "meaning"), rows),
            "</section>",
        )
        if part
    )


def _meaning(schema: Json) -> str:
    text = _text(schema.get("description", ""))
    default = schema.get("default")
    if default in (None, "", [], {}) or isinstance(default, dict):
        return text
    return f"{text} Default: <code>{escape(str(default))}</code>."


def _type(schema: Json) -> str:
    """A schema in a few words."""
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#model-{name}">{name}</a>'
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(part) for part in alternatives))
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema.get('items', {}))}"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"map to {_type(schema['additionalProperties'])}"
        case None:
            return "any"
        case kind:
            return escape(f"{kind} ({schema['format']})" if "format" in schema else str(kind))


# -- problems -------------------------------------------------------------------------------


def problem_page(code: str) -> str | None:
    """What a problem's code means; None for a code that no error has."""
    if cls := CLASS_OF_CODE.get(code):
        status, text = STATUS[cls], cls.__doc__ or ""
    elif code in HTTP_CODES:
        status, text = HTTP_CODES[code]
    else:
        return None
    body = (
        f"<h1><code>{escape(code)}</code> <small>HTTP {status}</small></h1>{_paragraphs(text)}"
        '<p><a href="/docs#problems">All problems</a></p>'
    )
    return page(f"Problem: {code}", body)


def _problem_list() -> str:
    kinds = [(cls.code, status, cls.__doc__ or "") for cls, status in STATUS.items()]
    kinds += [(code, status, text) for code, (status, text) in HTTP_CODES.items()]
    rows = [
        (
            f'<a href="/problems/{code}"><code>{code}</code></a>',
            str(status),
            _text(text.strip().partition("\n")[0]),
        )
        for code, status, text in kinds
    ]
    return _table(("code", "status", "meaning"), rows)


# -- pieces ---------------------------------------------------------------------------------


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _paragraphs(text: str) -> str:
    blocks = (" ".join(block.split()) for block in text.split("\n\n"))
    return "\n".join(f"<p>{_text(block)}</p>" for block in blocks if block)


def _text(text: str) -> str:
    """Text with `code` in it."""
    return _CODE.sub(r"<code>\1</code>", escape(text))
