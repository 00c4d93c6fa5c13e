"""Retries, idempotency keys, problem documents and pages."""

import pytest

from broker import errors
from broker.client import AsyncClient, Client, Transport
from broker.client.retry import Retry
from broker.protocol.accounts import AccountRequest, Privileges
from broker.protocol.quotas import QuotaRequest

from . import samples
from .conftest import Pauses
from .fake_broker import FakeBroker, hangs_up, refuses, says


async def test_answer_becomes_a_typed_model_and_the_token_travels(
    broker: FakeBroker, client: AsyncClient
) -> None:
    broker.on("GET", "/v1/me", says(samples.ME))
    me = await client.me()
    assert me.account.name == "alice"
    assert me.quota.quota == 50
    assert broker.seen[0].headers["Authorization"] == "Bearer flt_secret"


async def test_reads_are_repeated_when_the_connection_breaks(
    broker: FakeBroker, client: AsyncClient, pauses: Pauses
) -> None:
    broker.on("GET", "/v1/me", hangs_up(), hangs_up(), hangs_up(), says(samples.ME))
    assert (await client.me()).account.id == 1
    assert all(pause <= 0.2 for pause in pauses)


async def test_a_mutation_is_repeated_under_the_same_idempotency_key(
    broker: FakeBroker, client: AsyncClient
) -> None:
    broker.on(
        "POST",
        "/v1/accounts",
        hangs_up(),
        refuses(errors.Unavailable("starting")),
        says(samples.ME["account"], status=201),
    )
    await client.create_account(AccountRequest(name="alice"))
    keys = {seen.headers["Idempotency-Key"] for seen in broker.seen}
    assert len(broker.seen) >= 3
    assert len(keys) == 1
    assert {seen.body for seen in broker.seen} == {b'{"name":"alice"}'}


async def test_two_mutations_have_two_keys(broker: FakeBroker, client: AsyncClient) -> None:
    broker.on("POST", "/v1/accounts/alice:suspend", says())
    await client.suspend_account("alice")
    await client.suspend_account("alice")
    first, second = (seen.headers["Idempotency-Key"] for seen in broker.seen)
    assert first != second


async def test_retry_after_is_never_shortened(
    broker: FakeBroker, client: AsyncClient, pauses: Pauses
) -> None:
    busy = refuses(errors.LimitExceeded("slow down"), headers={"Retry-After": "7"})
    broker.on("GET", "/v1/me", busy, busy, says(samples.ME))
    await client.me()
    assert pauses == [pytest.approx(7.05), pytest.approx(7.1)]


async def test_patience_ends_with_the_last_error(
    broker: FakeBroker, client: AsyncClient, pauses: Pauses
) -> None:
    broker.on(
        "GET", "/v1/me", refuses(errors.Unavailable("no database"), headers={"Retry-After": "25"})
    )
    with pytest.raises(errors.Unavailable, match="no database") as caught:
        await client.me()
    assert caught.value.retry_after_seconds == 25
    assert len(pauses) == 2  # a third would go beyond a minute


async def test_gateway_errors_are_repeated(broker: FakeBroker, client: AsyncClient) -> None:
    broker.on("GET", "/v1/me", says(status=502), says(status=504), says(samples.ME))
    assert (await client.me()).account.name == "alice"


async def test_nobody_listening_is_unavailable(retry: Retry) -> None:
    async with AsyncClient("http://127.0.0.1:9", retry=retry) as client:
        with pytest.raises(errors.Unavailable, match=r"cannot reach the broker at http://127"):
            await client.me()


@pytest.mark.parametrize(
    "error",
    [
        errors.InvalidInput("1 bad field", errors=[errors.FieldError("/name", "too long")]),
        errors.BodyTooLarge("too large"),
        errors.Unauthenticated("no"),
        errors.Forbidden("not you"),
        errors.NotFound("no such job", ids=["job_9"]),
        errors.Conflict("state"),
        errors.NameTaken("taken"),
        errors.KeyReused("other body"),
        errors.FairleadError("internal error"),
    ],
    ids=lambda error: error.code,
)
async def test_problem_document_becomes_its_error_at_once(
    broker: FakeBroker, client: AsyncClient, error: errors.FairleadError
) -> None:
    broker.on("GET", "/v1/me", refuses(error))
    with pytest.raises(errors.FairleadError) as caught:
        await client.me()
    assert type(caught.value) is type(error)
    assert caught.value.message == error.message
    assert caught.value.ids == error.ids
    assert caught.value.errors == error.errors
    assert len(broker.seen) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.Unauthenticated),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (413, errors.BodyTooLarge),
        (500, errors.FairleadError),
        (302, errors.FairleadError),
    ],
)
async def test_answers_of_strangers_are_judged_by_status(
    broker: FakeBroker, client: AsyncClient, status: int, kind: type[errors.FairleadError]
) -> None:
    broker.on("GET", "/v1/me", says(status=status))
    with pytest.raises(errors.FairleadError, match=f"was answered {status}") as caught:
        await client.me()
    assert type(caught.value) is kind


async def test_an_answer_of_another_shape_is_an_error_not_a_crash(
    broker: FakeBroker, client: AsyncClient
) -> None:
    broker.on("GET", "/v1/me", says({"account": 3}))
    with pytest.raises(errors.FairleadError, match="not what this version"):
        await client.me()


async def test_patch_sends_only_what_was_set_and_put_sends_everything(
    broker: FakeBroker, client: AsyncClient
) -> None:
    broker.on("PATCH", "/v1/accounts/account_1/quota", says(samples.ME["quota"]))
    broker.on("PUT", "/v1/accounts/account_1/privileges", says())
    await client.set_quota(1, QuotaRequest(quota=3))
    await client.set_privileges(1, Privileges(submit_all_apps=True))
    assert broker.seen[0].json == {"quota": 3}
    assert broker.seen[1].json == {"submit_all_apps": True, "admin_all_apps": False}


async def test_lists_follow_their_cursor(broker: FakeBroker, client: AsyncClient) -> None:
    broker.on(
        "GET",
        "/v1/jobs",
        says(samples.page(samples.summary(5), samples.summary(4), cursor="c1")),
        says(samples.page(samples.summary(3))),
    )
    assert [job.id async for job in client.jobs(batch=7, app="ising")] == [5, 4, 3]
    assert broker.seen[0].query == {"batch": "batch_7", "app": "ising", "limit": "1000"}
    assert broker.seen[1].query["cursor"] == "c1"


async def test_a_limit_asks_for_no_more_than_it_needs(
    broker: FakeBroker, client: AsyncClient
) -> None:
    broker.on(
        "GET",
        "/v1/jobs",
        says(samples.page(samples.summary(5), samples.summary(4), cursor="c1")),
        says(samples.page(samples.summary(3), samples.summary(2), cursor="c2")),
    )
    assert [job.id async for job in client.jobs(limit=3)] == [5, 4, 3]
    assert [seen.query["limit"] for seen in broker.seen] == ["3", "1"]


async def test_names_cannot_change_the_path(broker: FakeBroker, client: AsyncClient) -> None:
    with pytest.raises(errors.NotFound):
        await client.app("../accounts/1?x=")
    assert broker.seen[0].path == "/v1/apps/..%2Faccounts%2F1%3Fx="


@pytest.mark.parametrize("url", ["broker.example", "ftp://broker", "http://", ""])
def test_a_url_without_a_scheme_is_refused(url: str) -> None:
    with pytest.raises(errors.InvalidInput, match="expected http"):
        Transport(url)


def test_blocking_client_shows_the_same_calls(broker: FakeBroker, blocking: Client) -> None:
    broker.on("GET", "/v1/me", hangs_up(), says(samples.ME))
    broker.on("GET", "/v1/jobs", says(samples.page(samples.summary(5))))
    broker.on("GET", "/v1/jobs/job_9", refuses(errors.NotFound("no job_9")))
    assert blocking.me().account.name == "alice"
    assert [job.id for job in blocking.jobs()] == [5]
    with pytest.raises(errors.NotFound, match="no job_9"):
        blocking.job(9)


def test_a_closed_client_says_so(broker: FakeBroker) -> None:
    client = Client(broker.url)
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.me()


def test_pauses_grow_to_their_ceiling_and_are_jittered() -> None:
    full = Retry(random=lambda: 1.0)
    assert [full.pause_seconds(n) for n in (1, 2, 3, 7, 500)] == [0.1, 0.2, 0.4, 5.0, 5.0]
    assert Retry(random=lambda: 0.0).pause_seconds(4) == 0
    assert full.pause_seconds(1, asked_seconds=30) == 30.1
