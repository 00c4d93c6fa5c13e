"""The OpenAPI 3.1 document, made from the route table and the models: it cannot drift from them.

What stands in a docstring of a model's field is the field's description; who may call a route
comes from the policy table.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, cast

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from broker import errors
from broker.api.call import NO_CONTENT, Open
from broker.api.problems import PROBLEM_JSON
from broker.api.route import Content, Route
from broker.domain.access import Action, roles_with
from broker.protocol.limits import IDEMPOTENCY_HOURS, IDEMPOTENCY_KEY_CHARACTERS_MAX
from broker.protocol.problems import STATUS, Problem

Json = dict[str, Any]

REFERENCE: Final = "#/components/schemas/{model}"
MUTATIONS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PLACEHOLDER = re.compile(r"\{(\w+)\}")

# Path parameters by name: what they are, and an example.
PARAMETERS: Final[dict[str, tuple[str, str]]] = {
    "account": ("Handle or id of the account.", "account_5"),
    "group": ("Handle or id of the group.", "group_6"),
    "team": ("Handle or id of the team.", "team_7"),
    "project": ("Handle or id of the project, or id of a workspace.", "project_7"),
    "node": (
        "Id of the node, handle of a project, or another unique handle behind its kind, e.g. "
        "`app:ising`.",
        "folder_18",
    ),
    "principal": (
        "Account by handle or id, team by id or as `team:physics`, `registered` or `everyone`.",
        "team:physics",
    ),
    "app": ("Handle (`ising`, or `physics%2Fising` in a project) or id of an app.", "ising"),
    "table": ("Id of a table, or `physics%2Fsamples` with its project.", "table_17"),
    "number": ("Number of the version within the app.", "1"),
    "token": ("Id of the token.", "token_8"),
    "host": ("Id of the host.", "host_2"),
    "pool": ("Handle of the pool, or its id once it is registered.", "default"),
    "root": ("Handle or id of the data root.", "root_9"),
    "file": ("Id of the file.", "file_22"),
    "image": ("Handle or id of the image.", "image_4"),
    "batch": ("Id of the batch.", "batch_17"),
    "job": ("Id of the job.", "job_17"),
    "epoch": ("Which lease of the job, counted from 1.", "1"),
    "stream": ("`stdout` or `stderr`.", "stdout"),
    "name": ("Name of the file.", "result.json"),
    "sha256": ("SHA-256 of the content in lower-case hexadecimal.", "0" * 64),
    "code": ("Code of the problem.", "conflict"),
}

SECURITY_SCHEMES: Final[Json] = {
    "account": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "flt_...",
        "description": "Token of an account.",
    },
    "host": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "flh_...",
        "description": "Token of a host, from its enrolment.",
    },
    "enrollment": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "fle_...",
        "description": "Single-use token with which one host joins.",
    },
}

IDEMPOTENCY_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Any text that the client makes up. A repetition of the same request with the same key "
        f"within {IDEMPOTENCY_HOURS} hours gets the first answer and changes nothing; another "
        "request with it is refused. Answers that hold a secret are not kept: a repetition is "
        "refused."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_CHARACTERS_MAX},
}

IF_MATCH: Final[Json] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the object as the caller read it; an older one is refused.",
    "schema": {"type": "string"},
}

ETAG: Final[Json] = {
    "ETag": {
        "description": "Names this state of the object; give it as If-Match with a change.",
        "schema": {"type": "string"},
    }
}

DESCRIPTION: Final = """\
Fairlead divides GPU hosts among scientists in proportion to their quotas.

Lists are newest first and come in pages: `?limit` and `?cursor`. Times are RFC 3339 in UTC; ids
are opaque strings. Errors are problem documents (RFC 9457) with a stable `code` and one entry in
`errors` for each bad field. 429 and 503 carry `Retry-After`.

Every change takes an `Idempotency-Key`: a repetition with the same key and body gets the first
answer and changes nothing. Answers that carry an `ETag` name a state of an object; the changes that
honour `If-Match` list it among their parameters.
"""


def tag_of(path: str) -> str:
    """The noun that a route belongs to."""
    noun = path.removeprefix("/v1").strip("/").split("/")[0].split(":")[0]
    return noun if path.startswith("/v1/") else "broker"


def who_may(policy: Action | Open) -> list[str]:
    """Who may call a route, in words; one of them is enough."""
    if isinstance(policy, Open):
        return [policy.value]
    return roles_with(policy)


def document(routes: Sequence[Route]) -> Json:
    """The whole document.

    Args:
        routes: every route of the broker.
    """
    names, schemas = _schemas(routes)
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, names)
    tags = dict.fromkeys(tag_of(route.path) for route in routes)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Fairlead", "version": _version(), "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": {"IdempotencyKey": IDEMPOTENCY_KEY, "IfMatch": IF_MATCH},
            "responses": _problem_responses(),
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


# -- one operation --------------------------------------------------------------------------

Names = Mapping[tuple[type[BaseModel], JsonSchemaMode], Json]


def _operation(route: Route, names: Names) -> Json:
    operation: Json = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",
        "tags": [tag_of(route.path)],
        "summary": route.summary,
        "description": "Who may: " + "; or ".join(who_may(route.policy)) + ".",
        "security": _security(route.policy),
    }
    if parameters := [*_path_parameters(route), *_query_parameters(route), *_headers(route)]:
        operation["parameters"] = parameters
    if content := _content(route.body, names, "validation"):
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = _responses(route, names)
    return operation


def _security(policy: Action | Open) -> list[Json]:
    if policy is Open.PUBLIC:
        return []
    if policy is Open.ENROLLMENT:
        return [{"enrollment": []}]
    assert isinstance(policy, Action)
    return [{"host": []} if policy is Action.LEASE_WORK else {"account": []}]


def _path_parameters(route: Route) -> Iterator[Json]:
    for name in _PLACEHOLDER.findall(route.path):
        description, example = PARAMETERS[name]
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": description,
            "schema": {"type": "string"},
            "example": example,
        }


def _query_parameters(route: Route) -> Iterator[Json]:
    if route.query is None:
        return
    schema = route.query.model_json_schema()
    for name, field in schema["properties"].items():
        described = {key: value for key, value in field.items() if key != "description"}
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": field.get("description", ""),
            "schema": _inlined(described, schema.get("$defs", {})),
        }


def _inlined(schema: Any, definitions: Json) -> Any:
    """A schema with its local references filled in; queries have small enums only."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        return _inlined(definitions[reference.rpartition("/")[2]], definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items()}


def _headers(route: Route) -> Iterator[Json]:
    if route.method in MUTATIONS and _security(route.policy) == [{"account": []}]:
        yield {"$ref": "#/components/parameters/IdempotencyKey"}
    if route.conditional:
        yield {"$ref": "#/components/parameters/IfMatch"}


def _responses(route: Route, names: Names) -> Json:
    success: Json = {"description": "Done." if route.status == NO_CONTENT else "The answer."}
    if content := _content(route.answer, names, "serialization"):
        success["content"] = content
    if route.etag:
        success["headers"] = ETAG
    refusals = {str(status): _refusal(status) for status in sorted(_refusals(route))}
    return {str(route.status): success, **refusals}


def _refusals(route: Route) -> Iterator[int]:
    if route.policy is Open.PUBLIC:
        if "{" in route.path:
            yield 404
        return
    yield from (401, 500, 503)
    if route.policy is not Open.ENROLLMENT:
        yield 403
    if "{" in route.path:
        yield from (404, 422)
    if route.query is not None:
        yield 422
    if route.body is not None:
        yield from (413, 422)
    if route.method in MUTATIONS:
        yield from (409, 429)
    if route.conditional:
        yield 412


def _refusal(status: int) -> Json:
    return {"$ref": f"#/components/responses/{_response_name(status)}"}


# -- content and schemas --------------------------------------------------------------------


def _parts(content: Content) -> tuple[type[Any] | str, ...]:
    if content is None:
        return ()
    return content if isinstance(content, tuple) else (content,)


def _content(content: Content, names: Names, mode: JsonSchemaMode) -> Json:
    return {
        part if isinstance(part, str) else "application/json": {
            "schema": {} if isinstance(part, str) else names[part, mode]
        }
        for part in _parts(content)
    }


def _schemas(routes: Sequence[Route]) -> tuple[Names, Json]:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for route in routes:
        modes: tuple[tuple[Content, JsonSchemaMode], ...] = (
            (route.body, "validation"),
            (route.answer, "serialization"),
        )
        for content, mode in modes:
            for part in _parts(content):
                if not isinstance(part, str):
                    wanted[part, mode] = None
    names, definitions = models_json_schema(list(wanted), ref_template=REFERENCE)
    return cast(Names, names), definitions["$defs"]


def _problem_responses() -> Json:
    problem = {"$ref": REFERENCE.format(model="Problem")}
    responses: Json = {}
    for status in sorted({*STATUS.values()}):
        kinds = [cls for cls, its_status in STATUS.items() if its_status == status]
        response: Json = {
            "description": " ".join(_first_line(cls) for cls in kinds),
            "content": {PROBLEM_JSON: {"schema": problem, "example": _example(kinds[0], status)}},
        }
        if status in (429, 503):
            response["headers"] = {
                "Retry-After": {
                    "description": "Seconds to wait before asking again.",
                    "schema": {"type": "integer", "minimum": 0},
                }
            }
        responses[_response_name(status)] = response
    return responses


def _response_name(status: int) -> str:
    return next(cls.__name__ for cls, its_status in STATUS.items() if its_status == status)


def _first_line(cls: type[errors.FairleadError]) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _example(cls: type[errors.FairleadError], status: int) -> Json:
    return {
        "type": f"/problems/{cls.code}",
        "title": cls.code.replace("_", " ").capitalize(),
        "status": status,
        "detail": _first_line(cls),
        "code": cls.code,
        "ids": [],
        "errors": [{"pointer": "/name", "detail": "is missing"}] if status == 422 else [],
    }


def _version() -> str:
    try:
        return version("fairlead")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0"
