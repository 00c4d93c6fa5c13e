"""Public ids: hostile texts are refused, never a crash."""

import pytest

from broker.errors import InvalidInput
from broker.protocol.ids import ID_MAX, parse, show
from broker.services.requests.references import resolve


def test_an_id_comes_back() -> None:
    assert parse("job", show("job", 17), "{job}") == 17
    assert parse("job", f"job_{ID_MAX}", "{job}") == ID_MAX


STRANGE = ["", "job", "job_", "17", "app_17", "job_-1", "job_1.0", "job_٣", "job_ 1", "JOB_1"]
TOO_LONG = [f"job_{ID_MAX + 1}", "job_" + "9" * 5_000]


@pytest.mark.parametrize("text", [*STRANGE, *TOO_LONG, "job_0x1", "job_1_2"])
def test_anything_else_is_named_as_bad(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse("job", text, "{job}")
    assert caught.value.errors[0].pointer == "{job}"
    assert len(caught.value.message) < 300


def test_a_reference_is_a_handle_or_an_id() -> None:
    assert resolve("account", "alice", "{account}") == ("alice", None)
    assert resolve("account", "account_5", "{account}") == (None, 5)
    with pytest.raises(InvalidInput):
        resolve("account", "app_5", "{account}")
