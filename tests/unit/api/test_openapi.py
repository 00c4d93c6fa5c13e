"""The OpenAPI document is sound by itself and says what the table says."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from broker.api.openapi import document, tag_of, who_may
from broker.api.route import Route
from broker.api.routes import table
from broker.domain.access import Action, roles_with

ROUTES = table()
DOCUMENT = document(ROUTES)
OPERATIONS = [
    (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
IDS = [f"{method} {path}" for method, path, _ in OPERATIONS]
JSON_TYPES = {"null", "boolean", "object", "array", "number", "string", "integer"}


def walk(node: Any, place: str = "#") -> Iterator[tuple[str, Any]]:
    """Every object of the document with its place."""
    if isinstance(node, dict):
        yield place, node
        for key, value in node.items():
            yield from walk(value, f"{place}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, f"{place}/{index}")


def resolved(reference: str) -> Any:
    node: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_the_document_has_its_required_parts() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    assert {tag["name"] for tag in DOCUMENT["tags"]} == {tag_of(route.path) for route in ROUTES}


def test_every_reference_leads_somewhere() -> None:
    references = [node["$ref"] for _, node in walk(DOCUMENT) if isinstance(node.get("$ref"), str)]
    assert references
    for reference in references:
        assert resolved(reference)


def test_every_route_is_described_once() -> None:
    assert len(OPERATIONS) == len(ROUTES)
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_a_component_has_a_legal_name(name: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9._-]+", name)


def test_every_schema_type_is_one_of_json() -> None:
    for place, node in walk(DOCUMENT["components"]["schemas"]):
        kind = node.get("type")
        if isinstance(kind, str) and not place.endswith("/properties"):
            assert kind in JSON_TYPES, place


def test_every_required_field_is_a_property() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert set(schema.get("required", ())) <= schema.get("properties", {}).keys(), name


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=IDS)
def test_parameters_match_the_path(method: str, path: str, operation: Any) -> None:
    given = [parameter for parameter in operation.get("parameters", ()) if "name" in parameter]
    in_path = [parameter["name"] for parameter in given if parameter["in"] == "path"]
    assert sorted(in_path) == sorted(re.findall(r"\{(\w+)\}", path))
    places = [(parameter["in"], parameter["name"]) for parameter in given]
    assert len(set(places)) == len(places)
    for parameter in given:
        assert parameter["in"] in ("path", "query", "header")
        assert parameter["required"] or parameter["in"] != "path"
        assert parameter["description"]
        assert parameter["schema"]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=IDS)
def test_an_operation_is_whole(method: str, path: str, operation: Any) -> None:
    assert method in {"get", "put", "post", "delete", "patch"}
    assert operation["summary"]
    for status, response in operation["responses"].items():
        assert re.fullmatch("[1-5][0-9][0-9]", status)
        assert (resolved(response["$ref"]) if "$ref" in response else response)["description"]
    assert any(status.startswith("2") for status in operation["responses"])
    for requirement in operation["security"]:
        assert requirement.keys() <= DOCUMENT["components"]["securitySchemes"].keys()
    assert "content" not in operation["responses"].get("204", {})


def described_models() -> Iterator[tuple[str, str, Any]]:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            yield name, field, described


def test_most_fields_have_a_sentence() -> None:
    """A field whose name says everything (`id`, `state`, `created_at`) may go without one."""
    silent = {
        field
        for _, field, described in described_models()
        if not described.get("description") and "$ref" not in described
    }
    obvious = {"id", "account", "app", "batch", "created_at", "created_by", "expires_at", "version"}
    obvious |= {"job", "jobs", "host", "epoch", "leases", "reports", "answers", "at", "privileges"}
    obvious |= {"leased_at", "finished_at", "state", "quota", "status", "usage", "outcome"}
    obvious |= {"queued", "leased", "running", "succeeded", "failed", "cancelled", "quarantined"}
    assert silent <= obvious


def test_who_may_comes_from_the_policy_table() -> None:
    for action in Action:
        assert who_may(action) == roles_with(action) != []


def test_mutations_of_accounts_take_an_idempotency_key() -> None:
    def takes(operation: Any) -> bool:
        return any("IdempotencyKey" in p.get("$ref", "") for p in operation.get("parameters", ()))

    for method, path, operation in OPERATIONS:
        expected = method != "get" and operation["security"] == [{"account": []}]
        assert takes(operation) == expected, path


def test_a_secured_route_tells_of_refusals() -> None:
    for _, path, operation in OPERATIONS:
        assert not operation["security"] or "401" in operation["responses"], path


def test_a_route_with_an_undescribed_path_parameter_is_noticed() -> None:
    async def handler(call: Any) -> Any:
        raise NotImplementedError

    row = Route("GET", "/v1/x/{undescribed}", handler, Action.APP_LIST, "Shows it.")
    with pytest.raises(KeyError, match="undescribed"):
        document([row])
