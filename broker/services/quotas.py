"""Quotas: set by admins, weighed by a policy."""

import hashlib

from broker.domain.quotas import QuotaBasis, weight
from broker.errors import PreconditionFailed
from broker.protocol.accounts import Quota, QuotaRequest
from broker.protocol.ids import AccountId, show
from broker.services import accounts
from broker.services.identity import Actor
from broker.storage import quotas
from broker.storage.database import Connection


async def of(connection: Connection, account: AccountId, *, half_life_seconds: float) -> Quota:
    """The quota of an account; the caller authorises."""
    row = await quotas.of_account(connection, account, half_life_seconds=half_life_seconds)
    return Quota(
        account=account,
        quota=row.quota,
        policy=row.policy,
        weight=weight(row.policy, QuotaBasis(row.quota, row.own_credit_recent)),
        jobs_in_progress_max=row.jobs_in_progress_max,
        jobs_in_progress=row.jobs_open,
        usage_gpu_seconds=row.usage_gpu_seconds,
        credit_recent=row.own_credit_recent,
    )


def etag(quota: Quota) -> str:
    """The entity tag: of what people edit only, for usage never stands still."""
    edited = f"{quota.account} {quota.quota!r} {quota.policy} {quota.jobs_in_progress_max}"
    return f'"{hashlib.sha256(edited.encode()).hexdigest()[:32]}"'


async def view(
    connection: Connection, actor: Actor, reference: str, *, half_life_seconds: float
) -> Quota:
    """The quota of an account, for itself and admins."""
    account = await accounts.authorised(connection, actor, reference)
    return await of(connection, account.id, half_life_seconds=half_life_seconds)


async def change(
    connection: Connection,
    actor: Actor,
    reference: str,
    request: QuotaRequest,
    *,
    if_match: frozenset[str],
    half_life_seconds: float,
) -> Quota:
    """Changes the fields that the request names.

    Args:
        if_match: entity tags of which one must be the quota's; empty for no condition.

    Raises:
        PreconditionFailed: somebody else changed the quota since.
        Conflict: the account was deleted.
    """
    account = await accounts.existing(connection, actor, reference)
    if if_match:
        await quotas.lock(connection, account.id)
        now = await of(connection, account.id, half_life_seconds=half_life_seconds)
        if if_match.isdisjoint({etag(now), "*"}):
            raise PreconditionFailed(
                "the quota was changed since you read it; read it again",
                ids=(show("account", account.id),),
            )
    await quotas.change(connection, account.id, request)
    return await of(connection, account.id, half_life_seconds=half_life_seconds)
