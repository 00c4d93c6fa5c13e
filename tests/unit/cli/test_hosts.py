"""`fairlead hosts`: which kinds of GPUs a host offers."""

from typing import Any

from .conftest import Fairlead, samples, says

GPU = {"uuid": "u", "model": "NVIDIA H100 80GB HBM3", "memory_mib": 81_559}
PART = {**GPU, "model": "NVIDIA H100 80GB HBM3 MIG 1g.10gb", "memory_mib": 9_984, "eighths": 1}


def host(number: int, *gpus: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"host_{number}",
        "name": f"node-{number}",
        "account": "account_1",
        "account_name": "ann",
        "pool": "default",
        "state": "active",
        "facts": {"name": "n", "cpus": 8, "memory_mib": 9_000, "slots": 0, "gpus": list(gpus)},
        "active_leases": 0,
        "last_seen_at": None,
        "credit_total": 0,
        "credit_recent": 0,
        "created_at": "2030-01-01T00:00:00Z",
    }


def test_the_list_shows_kinds_of_gpus_with_the_size_of_parts(
    broker: Any, fairlead: Fairlead
) -> None:
    hosts = (host(3, GPU, GPU, *[PART] * 7), host(2, PART), host(1))
    broker.on("GET", "/v1/hosts", says(samples.page(*hosts)))
    head, *rows = [line.split("\t") for line in fairlead("hosts").stdout.splitlines()]
    at, kinds = head.index("gpus"), head.index("kinds of gpu")
    assert [row[at] for row in rows] == ["2 + 7 x 1/8", "1 x 1/8", "0"]
    assert [row[kinds] for row in rows] == [
        "2 x H100 80GB HBM3 (81559 MiB), 7 x H100 80GB HBM3 MIG 1g.10gb (1/8, 9984 MiB)",
        "1 x H100 80GB HBM3 MIG 1g.10gb (1/8, 9984 MiB)",
        "-",
    ]


def test_one_host_shows_a_line_for_each_kind(broker: Any, fairlead: Fairlead) -> None:
    broker.on("GET", "/v1/hosts/host_3", says(host(3, GPU, PART)))
    lines = fairlead("hosts", "show", "3").stdout.splitlines()
    assert [line for line in lines if line.startswith("gpus")] == [
        "gpus\t1 x H100 80GB HBM3 (81559 MiB)",
        "gpus\t1 x H100 80GB HBM3 MIG 1g.10gb (1/8, 9984 MiB)",
    ]
