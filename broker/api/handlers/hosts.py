"""Hosts and the tokens with which they join."""

from aiohttp import web

from broker.api.call import CREATED, Call, Open, PageQuery, answer, answer_page, page_bounds
from broker.api.plain import Plain, creating
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.hosts import Enrollment, EnrollmentRequest, Host, HostRotationRequest
from broker.protocol.ids import HostId
from broker.protocol.leases import Enrolled, EnrollRequest
from broker.protocol.states import HostState
from broker.services.hosts import enrollments, hosts


async def enroll(call: Call) -> web.Response:
    body = await call.body(EnrollRequest)
    authorization = call.request.headers.get("Authorization")
    async with call.services.database.transaction() as connection:
        enrolled = await enrollments.enroll(connection, call.services.access, authorization, body)
    return answer(enrolled, CREATED)


async def page(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    half_life = call.half_life_seconds
    async with call.services.database.connection() as connection:
        found = await hosts.page(
            connection, call.actor, before=before, rows_max=limit, half_life_seconds=half_life
        )
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    host, half_life = HostId(call.id("host")), call.half_life_seconds
    async with call.services.database.connection() as connection:
        return answer(
            await hosts.show_one(connection, call.actor, host, half_life_seconds=half_life)
        )


async def drain(call: Call) -> web.Response:
    return await _move(call, HostState.DRAINING)


async def resume(call: Call) -> web.Response:
    return await _move(call, HostState.ACTIVE)


async def ban(call: Call) -> web.Response:
    return await _move(call, HostState.BANNED)


async def _move(call: Call, state: HostState) -> web.Response:
    host, half_life = HostId(call.id("host")), call.half_life_seconds
    response = await call.mutate(
        lambda c: hosts.move(c, call.actor, host, state, half_life_seconds=half_life)
    )
    call.services.waiting.wake([host])
    return response


async def rotate_token(call: Call) -> web.Response:
    host, body = HostId(call.id("host")), await call.body(HostRotationRequest)
    return await call.mutate(lambda c: hosts.rotate_token(c, call.actor, host, body), CREATED)


A = Action
ONE = "/v1/hosts/{host}"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        "/v1/enrollments",
        creating(enrollments.create, EnrollmentRequest, Enrollment),
        A.HOST_ENROLL_TOKEN,
        "Makes a single-use token with which one host may join; shown this once and not kept.",
        name="create_enrollment",
    ),
    Route(
        "POST",
        "/v1/hosts:enroll",
        enroll,
        Open.ENROLLMENT,
        "Lets a host join, and gives it its own token.",
        body=EnrollRequest,
        answer=Enrolled,
        status=CREATED,
    ),
    Route(
        "GET",
        "/v1/hosts",
        page,
        A.HOST_LIST,
        "Lists the caller's hosts, or all for an admin, newest first.",
        query=PageQuery,
        answer=Page[Host],
    ),
    Route("GET", ONE, show, A.HOST_VIEW, "Shows a host.", answer=Host),
    Route(
        "POST",
        f"{ONE}:drain",
        drain,
        A.HOST_ADMINISTER,
        "Lets a host finish what it holds and gives it nothing new.",
        answer=Host,
    ),
    Route(
        "POST",
        f"{ONE}:resume",
        resume,
        A.HOST_ADMINISTER,
        "Gives a drained host work again.",
        answer=Host,
    ),
    Route(
        "POST",
        f"{ONE}:ban",
        ban,
        A.HOST_ADMINISTER,
        "Takes all work from a host and revokes its token, for good.",
        answer=Host,
    ),
    Route(
        "POST",
        f"{ONE}:rotate-token",
        rotate_token,
        A.LEASE_WORK,
        "Gives a host another token in the place of its own, which ends after an overlap.",
        body=HostRotationRequest,
        answer=Enrolled,
        status=CREATED,
    ),
]
