"""Donated credit, and points of the portal."""

from aiohttp import web

from broker.api.call import Call, answer, tagged
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.contributions import (
    Contributions,
    ContributionsRequest,
    Donations,
    DonationsRequest,
)
from broker.services.quotas import contributions


async def show(call: Call) -> web.Response:
    account, half_life = call.path("account"), call.half_life_seconds
    async with call.services.database.connection() as connection:
        given = await contributions.donations(
            connection, call.actor, account, half_life_seconds=half_life
        )
    return answer(given, headers={"ETag": contributions.etag(given)})


async def donate(call: Call) -> web.Response:
    body, if_match = await call.body(DonationsRequest), call.if_match
    account, half_life = call.path("account"), call.half_life_seconds
    response = await call.mutate(
        lambda c: contributions.donate(
            c, call.actor, account, body, if_match=if_match, half_life_seconds=half_life
        )
    )
    return tagged(response, Donations, contributions.etag)


async def contribute(call: Call) -> web.Response:
    body, half_life = await call.body(ContributionsRequest), call.half_life_seconds
    return await call.mutate(
        lambda c: contributions.contribute(c, call.actor, body, half_life_seconds=half_life)
    )


A = Action
DONATIONS = "/v1/accounts/{account}/donations"
ROUTES = [
    Route(
        "GET",
        DONATIONS,
        show,
        A.DONATION_VIEW,
        "Shows which part of a volunteer's credit counts for whom.",
        answer=Donations,
        etag=True,
    ),
    Route(
        "PUT",
        DONATIONS,
        donate,
        A.DONATION_SET,
        "Replaces the parts of a volunteer's credit that count for others.",
        body=DonationsRequest,
        answer=Donations,
        etag=True,
        conditional=True,
    ),
    Route(
        "POST",
        "/v1/contributions",
        contribute,
        A.CONTRIBUTION_ADD,
        "Adds points for taking part in the portal.",
        body=ContributionsRequest,
        answer=Contributions,
    ),
]
