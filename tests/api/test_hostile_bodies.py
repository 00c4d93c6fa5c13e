"""Strange values in every place of every body: refused by name or taken, never a crash."""

import copy
from collections.abc import Iterator
from typing import Any

import orjson

from tests.support.http import Http
from tests.support.running import Running

VERSION: dict[str, Any] = {
    "spec": {
        "command": ["{python}", "main.py", "{t}"],
        "executor": "process",
        "files": {"main.py": "print()"},
        "environment": {"MODE": "fast"},
        "parameters": {
            "t": {"type": "number", "minimum": 0, "maximum": 9, "default": 1, "unit": "K"},
            "m": {"type": "string", "choices": ["a", "b"], "description": "Method."},
        },
        "inputs": {"in.txt": {"required": False}},
        "outputs": {"out.txt": {"maximum_bytes": 10}},
        "resources": {"gpus": 1, "gpu_memory_mib": 1, "gpu_model": "A", "compute_capability": 8.0},
        "limits": {"wall_seconds": 5, "attempts": 1},
        "deterministic": True,
    },
    "publish": False,
}
FACTS = {
    "name": "node",
    "cpus": 4,
    "memory_mib": 8_000,
    "slots": 2,
    "gpus": [{"uuid": "GPU-1", "model": "A", "memory_mib": 1, "compute_capability": 8.0}],
    "gflops": 1.5,
    "platform": "linux",
}
BODIES: list[tuple[str, str, Any]] = [
    ("POST", "/v1/accounts", {"name": "new", "title": "New", "email": "a@b"}),
    ("POST", "/v1/accounts/ann/tokens", {"name": "x", "expires_at": "2999-01-01T00:00:00Z"}),
    ("PUT", "/v1/accounts/ann/privileges", {"submit_all_apps": True, "admin_all_apps": False}),
    (
        "PATCH",
        "/v1/accounts/ann/quota",
        {"quota": 2.5, "policy": "manual", "jobs_in_progress_max": 5},
    ),
    ("POST", "/v1/apps", {"name": "new", "title": "New", "description": "It."}),
    ("POST", "/v1/apps/sleep/versions", VERSION),
    ("PUT", "/v1/apps/sleep/privileges/ann", {"submit": True, "admin": False}),
    ("POST", "/v1/enrollments", {"name": "x", "pool": "p", "expires_at": "2999-01-01T00:00:00Z"}),
]
STRANGE: list[bytes] = [
    b"null",
    b"true",
    b"-1",
    b"1e308",
    b"1e400",
    b"NaN",
    b"9223372036854775808",
    b"1" * 5_000,
    b'""',
    b'"\\u0000"',
    b'"\\ud800"',
    b'"' + b"x" * 70_000 + b'"',
    b'"{"',
    b'"<script>"',
    b'"2999-13-45"',
    b"[]",
    b"{}",
    b"[" * 2_000 + b"]" * 2_000,
]
HOLE = "a hole in the body"


def with_holes(body: Any) -> Iterator[Any]:
    """The body with one place after another replaced by a hole."""
    yield HOLE
    for key in body if isinstance(body, dict) else range(len(body)):
        if isinstance(body[key], dict | list):
            inner: Iterator[Any] = with_holes(body[key])
        else:
            inner = iter([HOLE])
        for part in inner:
            changed = copy.copy(body)
            changed[key] = part
            yield changed


def variants(body: Any) -> Iterator[bytes]:
    """The body with each strange value in each place."""
    for holed in with_holes(body):
        before, after = orjson.dumps(holed).split(orjson.dumps(HOLE))
        for strange in STRANGE:
            yield before + strange + after


async def refuses_politely(http: Http, method: str, path: str, body: Any) -> None:
    (await http.call(method, path, body)).expect(201 if method == "POST" else 200)
    for variant in variants(body):
        reply = await http.call(method, path, variant, headers={"Content-Type": "application/json"})
        assert reply.status < 500, f"{method} {path} {variant[:300]!r}: {reply}"
        if reply.status == 422:
            assert reply.json["errors"], reply


async def test_strange_values_never_crash(broker: Running) -> None:
    await broker.app()
    await broker.client("ann")
    for method, path, body in BODIES:
        await refuses_politely(broker.admin, method, path, body)


async def test_strange_facts_never_crash(broker: Running) -> None:
    http = Http(broker.url, broker.session)
    for variant in variants({"facts": FACTS, "pool": "p"}):
        if http.token is None:
            http.token = (await broker.admin.post("/v1/enrollments", {})).expect(201)["token"]
        reply = await http.post("/v1/hosts:enroll", variant)
        assert reply.status in (201, 422), f"{variant[:300]!r}: {reply}"
        if reply.status == 201:
            http.token = None  # spent
    (await broker.admin.get("/v1/hosts?limit=1000")).expect(200)
