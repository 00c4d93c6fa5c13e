"""Enrolment: an account makes a single-use token, a host spends it and becomes the account's."""

from broker.domain.access import Action, Principal, World, roles_with
from broker.errors import FieldError, Forbidden, InvalidInput, Unauthenticated
from broker.protocol.hosts import Enrollment, EnrollmentRequest
from broker.protocol.leases import Enrolled, EnrollRequest
from broker.services.people import audit
from broker.services.people.bearer_tokens import (
    ENROLLMENT_PREFIX,
    HOST_PREFIX,
    bearer,
    digest,
    new_secret,
)
from broker.services.people.tokens import NOT_AHEAD, bounded, own_expiry, storable
from broker.services.requests.access import Access
from broker.services.requests.actor import Actor
from broker.storage import enrollments
from broker.storage.database import Connection


async def create(connection: Connection, actor: Actor, request: EnrollmentRequest) -> Enrollment:
    """A token with which one host may join the caller's account (B1).

    Raises:
        InvalidInput: an expiry that has passed, or lies behind that of the caller's token.
        Forbidden: the pool does not take the caller's hosts.
    """
    actor.require()
    _check_pool(actor.world, request.pool, actor.principal)
    if request.expires_at is not None:
        await bounded(connection, actor, request.expires_at)
    host_expiry = await bounded(connection, actor, request.host_expires_at, "/host_expires_at")
    secret, sha256 = new_secret(ENROLLMENT_PREFIX)
    expires_at = await enrollments.create(
        connection,
        actor.account_id,
        request.name,
        request.pool,
        sha256,
        storable(request.expires_at),
        latest=await own_expiry(connection, actor),
        host_expires_at=host_expiry,
    )
    if expires_at is None:
        raise InvalidInput.of("/expires_at", NOT_AHEAD)
    return Enrollment(token=secret, expires_at=expires_at)


async def enroll(
    connection: Connection, access: Access, authorization: str | None, request: EnrollRequest
) -> Enrolled:
    """Makes a host of whoever holds an unused enrolment token.

    Raises:
        Unauthenticated: no enrolment token, or one that is unknown, used or expired, or whose
            account is not active.
        Forbidden: the pool does not take the account's hosts, or no longer.
    """
    token = digest(bearer(authorization, ENROLLMENT_PREFIX))
    known = await enrollments.look(connection, token)
    if known is not None and not (known.used or known.expired):
        await access.confirm(connection)
        owner = access.world.principal(known.account_id)
        _check_pool(access.world, request.pool or known.pool, owner)
    secret, sha256 = new_secret(HOST_PREFIX)
    host = await enrollments.use(connection, token, request.pool, request.facts, sha256)
    if host is None:
        raise Unauthenticated(await _reason(connection, token))
    assert known is not None, "it was looked at before"
    await audit.record_host(connection, known.account_id, host)
    return Enrolled(host=host, token=secret)


def _check_pool(world: World, pool: str, owner: Principal) -> None:
    """Everybody's hosts join what is open or belongs to nobody; others join by a role on it."""
    if not world.pool_takes_hosts(pool, owner):
        roles = " or ".join(roles_with(Action.POOL_ENROLL))
        detail = f"hosts join the pool {pool} by one of the roles: {roles}"
        raise Forbidden(detail, errors=[FieldError("/pool", detail)])


async def _reason(connection: Connection, token: bytes) -> str:
    spent = await enrollments.look(connection, token)
    if spent is None:
        return "the enrolment token is unknown"
    if spent.used:
        return "the enrolment token was used; each works once"
    if spent.expired:
        return "the enrolment token has expired"
    return "the account of the enrolment token is not active"
