"""Quotas: set by admins, weighed by a policy."""

from broker.domain.quotas import POLICIES, Mix, policies
from broker.errors import InvalidInput, PreconditionFailed
from broker.protocol.ids import AccountId, show
from broker.protocol.quotas import Quota, QuotaMix, QuotaRequest
from broker.services.people import accounts
from broker.services.quotas import budgets, minima
from broker.services.quotas.groups import check_bounds
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.storage import quotas
from broker.storage.database import Connection


async def of(connection: Connection, account: AccountId, *, half_life_seconds: float) -> Quota:
    """The quota of an account; the caller authorises."""
    row = await quotas.of_account(connection, account, half_life_seconds=half_life_seconds)
    return Quota(
        account=account,
        quota=row.basis.quota,
        quota_until=row.quota_until,
        quota_afterwards=row.quota_afterwards,
        policy=row.policy,
        weight=policies(await quotas.mix(connection))[row.policy].weight(row.basis),
        group=row.group_id,
        group_name=row.group_name,
        minimum_slots=row.minimum_slots,
        maximum_slots=row.maximum_slots,
        jobs_in_progress_max=row.jobs_in_progress_max,
        jobs_in_progress=row.jobs_open,
        budget=await budgets.of_account(connection, account),
        usage_gpu_seconds=row.usage_gpu_seconds,
        credit_recent=row.basis.own_credit_recent,
        donated_credit_recent=row.basis.donated_credit_recent,
        contribution_points=row.basis.contribution_points,
    )


def etag(quota: Quota) -> str:
    """The entity tag: of what people edit only, for usage never stands still."""
    budget = quota.budget
    return tag_of(
        quota.account,
        quota.quota,
        quota.quota_until,
        quota.policy,
        quota.minimum_slots,
        quota.maximum_slots,
        quota.jobs_in_progress_max,
        (budget.gpu_seconds, budget.period_days) if budget else None,
    )


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
    silent_seconds: float,
) -> Quota:
    """Changes the fields that the request names.

    Args:
        if_match: entity tags of which one must be the quota's; empty for no condition.

    Raises:
        PreconditionFailed: somebody else changed the quota since.
        Conflict: the account was deleted.
        InvalidInput: an end that has passed or belongs to no quota, a minimum above the maximum.
    """
    account = await accounts.existing(connection, actor, reference)
    await quotas.lock(connection, account.id)
    now = await of(connection, account.id, half_life_seconds=half_life_seconds)
    if not matches(if_match, etag(now)):
        raise PreconditionFailed(
            "the quota was changed since you read it; read it again",
            ids=(show("account", account.id),),
        )
    await _check(connection, now, request)
    await quotas.change(connection, account.id, request)
    await budgets.change(connection, (account.id, None), request)
    then = await of(connection, account.id, half_life_seconds=half_life_seconds)
    if not then.minimum_slots:
        return then
    said = await minima.warnings(connection, silent_seconds=silent_seconds)
    concerning = minima.of_interest(said, None, then.group, then.minimum_slots)
    return then.model_copy(update={"warnings": concerning})


async def _check(connection: Connection, now: Quota, request: QuotaRequest) -> None:
    given = request.model_fields_set
    if request.quota_until is not None:
        if request.quota is None:
            raise InvalidInput.of("/quota_until", "belongs to a quota; give `quota`, too")
        if await quotas.is_past(connection, request.quota_until):
            raise InvalidInput.of("/quota_until", "has passed")
    minimum = now.minimum_slots if request.minimum_slots is None else request.minimum_slots
    maximum = request.maximum_slots if "maximum_slots" in given else now.maximum_slots
    check_bounds(minimum, maximum, given)


# -- the deployment's mix -------------------------------------------------------------------


async def mix(connection: Connection, actor: Actor) -> QuotaMix:
    """How much each policy counts where the policy is `combined`."""
    actor.require()
    return _mix(await quotas.mix(connection))


def etag_of_mix(mix: QuotaMix) -> str:
    """The entity tag."""
    return tag_of(sorted(mix.model_dump().items()))


async def set_mix(
    connection: Connection, actor: Actor, wanted: QuotaMix, *, if_match: frozenset[str]
) -> QuotaMix:
    """Replaces the factors.

    Raises:
        PreconditionFailed: somebody else changed them since.
    """
    actor.require()
    now = _mix(await quotas.lock_mix(connection))
    if not matches(if_match, etag_of_mix(now)):
        raise PreconditionFailed("the mix was changed since you read it; read it again")
    factors = {policy: getattr(wanted, policy) for policy in POLICIES}
    await quotas.set_mix(connection, factors)
    return wanted


def _mix(factors: Mix) -> QuotaMix:
    return QuotaMix.model_validate({policy.value: factors.get(policy, 0.0) for policy in POLICIES})
