"""Quotas of accounts, and what they are mixed from."""

from aiohttp import web

from broker.api.call import Call, answer, tagged
from broker.api.plain import Plain, changing, showing
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.preview import Preview, PreviewRequest
from broker.protocol.quotas import Quota, QuotaMix, QuotaRequest
from broker.services.quotas import quotas
from broker.services.quotas.preview import preview


async def show(call: Call) -> web.Response:
    account, half_life = call.path("account"), call.half_life_seconds
    async with call.services.database.connection() as connection:
        quota = await quotas.view(connection, call.actor, account, half_life_seconds=half_life)
    return answer(quota, headers={"ETag": quotas.etag(quota)})


async def change(call: Call) -> web.Response:
    body = await call.body(QuotaRequest)
    response = await call.mutate(
        lambda c: quotas.change(
            c,
            call.actor,
            call.path("account"),
            body,
            if_match=call.if_match,
            half_life_seconds=call.half_life_seconds,
            silent_seconds=call.silent_seconds,
        )
    )
    return tagged(response, Quota, quotas.etag)


async def show_preview(call: Call) -> web.Response:
    return answer(await preview(call.services, call.actor, await call.body(PreviewRequest)))


A = Action
MIX = "/v1/quotas/mix"
QUOTA = "/v1/accounts/{account}/quota"
plain = Plain(__name__)
ROUTES = [
    Route(
        "GET",
        QUOTA,
        show,
        A.QUOTA_VIEW,
        "Shows the quota of an account, and what it has used.",
        answer=Quota,
        etag=True,
    ),
    Route(
        "PATCH",
        QUOTA,
        change,
        A.QUOTA_SET,
        "Changes the quota of an account.",
        body=QuotaRequest,
        answer=Quota,
        etag=True,
        conditional=True,
    ),
    plain.route(
        "GET",
        MIX,
        showing(quotas.mix, QuotaMix, quotas.etag_of_mix),
        A.QUOTA_MIX_VIEW,
        "Shows how much each quota policy counts where they are combined.",
        name="show_mix",
    ),
    plain.route(
        "PUT",
        MIX,
        changing(quotas.set_mix, QuotaMix, QuotaMix, quotas.etag_of_mix),
        A.QUOTA_MIX_SET,
        "Sets how much each quota policy counts where they are combined.",
    ),
    Route(
        "POST",
        "/v1/quotas:preview",
        show_preview,
        A.QUOTA_PREVIEW,
        "Says who would get what if quotas were others; changes nothing.",
        body=PreviewRequest,
        answer=Preview,
    ),
]
