"""A valid body for each route that takes one: a refusal must be about rights, not about fields."""

from typing import Any

from tests.support.running import SLEEP

ROOT = {"name": "new", "path": "/new", "uid": 3_000, "gid": 3_000}
IMAGE = {"name": "new", "path": "a/b", "digest": "sha256:" + "1" * 64}
ALL_OF_A_MIX = {"manual": 1, "own_hosts": 0, "donated": 0, "contribution": 0}
COLUMNS = [{"name": "n", "type": "integer"}]
HOST_FACTS = {"name": "new", "cpus": 4, "memory_mib": 8_000, "slots": 2}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v1/accounts"): {"name": "new"},
    ("POST", "/v1/accounts/{account}/tokens"): {"name": "new"},
    ("POST", "/v1/accounts/{account}/tokens/{token}:rotate"): {},
    ("PUT", "/v1/accounts/{account}/privileges"): {"submit_all_apps": True},
    ("PATCH", "/v1/accounts/{account}/quota"): {"quota": 2},
    ("PUT", "/v1/quotas/mix"): ALL_OF_A_MIX,
    ("POST", "/v1/quotas:preview"): {"accounts": [{"account": "ann", "weight": 2}]},
    ("PUT", "/v1/accounts/{account}/donations"): {"donations": []},
    ("POST", "/v1/contributions"): {"contributions": [{"account": "ann", "points": 1}]},
    ("POST", "/v1/groups"): {"name": "new"},
    ("PATCH", "/v1/groups/{group}"): {"title": "New"},
    ("POST", "/v1/teams"): {"name": "new"},
    ("PATCH", "/v1/teams/{team}"): {"title": "New"},
    ("POST", "/v1/projects"): {"name": "new"},
    ("PATCH", "/v1/projects/{project}"): {"title": "New"},
    ("POST", "/v1/folders"): {"parent": "nothing", "name": "new"},
    ("POST", "/v1/files"): {"parent": "nothing", "name": "new", "sha256": "0" * 64},
    ("PUT", "/v1/files/{file}/content"): {"sha256": "0" * 64},
    ("PATCH", "/v1/nodes/{node}"): {"name": "new"},
    ("PUT", "/v1/nodes/{node}/acl"): {"entries": []},
    ("PUT", "/v1/nodes/{node}/acl/{principal}"): {"roles": ["reader"]},
    ("POST", "/v1/nodes/{node}:move"): {"parent": "nothing"},
    ("POST", "/v1/nodes/{node}:override"): {},
    ("POST", "/v1/apps"): {"name": "new"},
    ("PATCH", "/v1/apps/{app}"): {"title": "New"},
    ("POST", "/v1/apps/{app}/versions"): {"spec": SLEEP},
    ("PATCH", "/v1/apps/{app}/versions/{number}"): {"spec": SLEEP},
    ("PUT", "/v1/apps/{app}/privileges/{account}"): {"submit": True},
    ("POST", "/v1/tables"): {"name": "new", "project": "project-of-ann", "columns": COLUMNS},
    ("PATCH", "/v1/tables/{table}"): {"description": "New"},
    ("POST", "/v1/tables/{table}/rows"): {"rows": [{"n": 1}]},
    ("POST", "/v1/tables/{table}/rows:delete"): {"all": True},
    ("POST", "/v1/batches"): {"app": "shared", "jobs": [{}]},
    ("POST", "/v1/batches/{batch}:rerun"): {"only": "all"},
    ("POST", "/v1/batches/{batch}:break-glass"): {"reason": "a test"},
    ("PUT", "/v1/blobs/{sha256}"): b"content",
    ("POST", "/v1/enrollments"): {},
    ("POST", "/v1/hosts:enroll"): {"facts": HOST_FACTS},
    ("POST", "/v1/pools"): {"name": "new"},
    ("PATCH", "/v1/pools/{pool}"): {"open": False},
    ("PUT", "/v1/pools/{pool}/preemption"): {},
    ("POST", "/v1/data-roots"): ROOT,
    ("PATCH", "/v1/data-roots/{root}"): {"title": "New"},
    ("PUT", "/v1/projects/{project}/bindings/{node}"): {},
    ("PUT", "/v1/projects/{project}/import"): {"import_enabled": False},
    ("PUT", "/v1/accounts/{account}/import"): {"import_enabled": False},
    ("POST", "/v1/projects/{project}/imports"): {"root": "nothing", "paths": ["a"]},
    ("POST", "/v1/images"): IMAGE,
    ("PATCH", "/v1/images/{image}"): {"path": "a/c"},
    ("POST", "/v1/hosts/{host}:poll"): {"free_slots": 0, "wait_seconds": 0},
    ("POST", "/v1/hosts/{host}:rotate-token"): {},
    ("POST", "/v1/leases:renew"): {"leases": []},
    ("POST", "/v1/leases:report"): {"reports": []},
    ("POST", "/v1/leases:checkpoints"): {"jobs": ["job_99999"]},
    ("POST", "/v1/leases/{job}/{epoch}/logs"): b"text",
    ("PUT", "/v1/leases/{job}/{epoch}/outputs/{name}"): b"content",
}
