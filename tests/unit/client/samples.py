"""Wire objects with plausible values, for answers of the fake broker."""

from typing import Any

ME = {
    "account": {
        "id": "account_1",
        "name": "alice",
        "title": "Alice",
        "email": None,
        "state": "active",
        "created_at": "2025-01-01T00:00:00Z",
    },
    "privileges": {"submit_all_apps": False, "admin_all_apps": False},
    "quota": {
        "account": "account_1",
        "quota": 50.0,
        "quota_until": None,
        "quota_afterwards": None,
        "policy": "manual",
        "weight": 50.0,
        "group": None,
        "group_name": None,
        "minimum_slots": 0.0,
        "maximum_slots": None,
        "budget": None,
        "donated_credit_recent": 0.0,
        "contribution_points": 0.0,
        "jobs_in_progress_max": 1000,
        "jobs_in_progress": 3,
        "usage_gpu_seconds": 12.5,
        "credit_recent": 0.0,
    },
}

GROUP = {
    "id": "group_3",
    "name": "lab",
    "title": "The lab",
    "parent": "group_1",
    "parent_name": "physics",
    "weight": 2.0,
    "minimum_slots": 0.0,
    "maximum_slots": None,
    "jobs_in_progress_max": None,
    "jobs_in_progress": 4,
    "budget": {
        "gpu_seconds": 3600.0,
        "period_days": 30,
        "spent_gpu_seconds": 60.0,
        "reserved_gpu_seconds": 10.0,
        "resets_at": "2025-02-01T00:00:00Z",
    },
    "accounts": 1,
    "created_at": "2025-01-01T00:00:00Z",
}


def batch(number: int = 7, jobs: int = 1, finished: bool = False, **counts: int) -> dict[str, Any]:
    states = ["queued", "leased", "running", "succeeded", "failed", "cancelled", "quarantined"]
    ended = sum(counts.get(state, 0) for state in states[3:])
    return {
        "id": f"batch_{number}",
        "account": "account_1",
        "account_name": "alice",
        "app": "app_2",
        "app_name": "ising",
        "version": "version_3",
        "version_number": 1,
        "pool": "default",
        "name": "sweep",
        "priority": 0,
        "resources": {},
        "limits": {},
        "jobs": jobs,
        "counts": {state: counts.get(state, 0) for state in states},
        "fraction_done": ended / jobs,
        "usage_gpu_seconds": 1.5,
        "created_at": "2025-01-01T00:00:00Z",
        "finished_at": "2025-01-01T00:01:00Z" if finished else None,
    }


def summary(number: int, index: int = 0, state: str = "succeeded", **fields: Any) -> dict[str, Any]:
    return {
        "id": f"job_{number}",
        "batch": "batch_7",
        "index": index,
        "name": str(index),
        "app_name": "ising",
        "account_name": "alice",
        "state": state,
        "cancelling": False,
        "host_name": "gpu1",
        "exit_code": 0 if state == "succeeded" else None,
        "created_at": "2025-01-01T00:00:00Z",
        "started_at": None,
        "finished_at": None,
        **fields,
    }


def job(number: int, index: int = 0, state: str = "succeeded", **fields: Any) -> dict[str, Any]:
    return {
        **summary(number, index, state),
        "account": "account_1",
        "app": "app_2",
        "version_number": 1,
        "parameters": {"temperature": index},
        "inputs": {},
        "lease_epoch": 1,
        "attempts": [],
        "outputs": [],
        **fields,
    }


def page(*items: Any, cursor: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": cursor}
