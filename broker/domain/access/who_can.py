"""The question turned round: everybody who may do something, and why somebody may or may not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from broker.domain.access.actions import READS, Action, own
from broker.domain.access.decision import (
    ANONYMOUS,
    Ground,
    Principal,
    Resource,
    decide,
    rights_through,
    sources,
)
from broker.domain.access.roles import rights_of, rights_of_role, roles_in, roles_with
from broker.domain.access.world import World
from broker.protocol.ids import AccountId, PrincipalId
from broker.protocol.nodes import EVERYONE, REGISTERED, Isolation, Role
from broker.protocol.states import AccountState

GROUPS: Final = {
    EVERYONE: ANONYMOUS,
    # an account like any other that holds nothing of its own
    REGISTERED: Principal(account_id=AccountId(0), principals=frozenset({EVERYONE, REGISTERED})),
}


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who may, and on which grounds."""

    principal: PrincipalId
    grounds: tuple[Ground, ...]


def who_can(world: World, action: Action, what: Resource) -> list[Holder]:
    """Everybody who may do something: the groups to which it is open, then accounts, newest first.

    Accounts stand here when they may by a ground of their own or of a team. Those who may only
    because everybody may do not.
    """
    found = [
        Holder(group, grounds)
        for group, somebody in GROUPS.items()
        if (grounds := decide(somebody, action, what).grounds)
    ]
    for account in sorted(set(_candidates(world, action, what)), reverse=True):
        grounds = decide(world.principal(account), action, what).grounds
        if any(ground.principal not in GROUPS for ground in grounds):
            found.append(Holder(PrincipalId(account), grounds))
    return found


def _candidates(world: World, action: Action, what: Resource) -> Iterator[AccountId]:
    """The accounts that a list names, by themselves or by a team, and those with global roles."""
    named = {*what.acl, *what.app_acl}
    for account, facts in world.accounts.items():
        teams = world.teams.get(account, ())
        if (
            PrincipalId(account) in named
            or not named.isdisjoint(teams)
            or action in rights_of(facts.global_roles)
        ):
            yield account


def roles_behind(ground: Ground, action: Action) -> tuple[Role, ...]:
    """The roles of a ground that give an action, also where only on what one has made oneself."""
    return tuple(
        role
        for role in roles_in(ground.roles)
        if action in rights_of_role(role) or own(action) in rights_of_role(role)
    )


def what_is_missing(
    who: Principal, action: Action, what: Resource, state: AccountState
) -> str | None:
    """Which demand of the formula is not met, in words; None when it is allowed."""
    if decide(who, action, what).allowed:
        return None
    if state is not AccountState.ACTIVE:
        return f"the account is {state}, and holds nothing"
    if what.trashed:
        return "it lies in the trash"
    if who.anonymous and action not in READS:
        return "without a token one only reads"
    if not who.in_scope(action):
        return f"the token is not for {action}"
    held = list(sources(who, what))
    if any(own(action) in rights_through(ground) for ground in held):
        return f"{action} is held here only on what one has made oneself"
    if what.isolation is Isolation.STRICT_PERSONAL and who.global_roles:
        return "it is strictly personal: rights over everything do not count"
    needed = " or ".join(roles_with(action)) or "none that exists"
    if not held:
        return f"holds nothing here; needs one of the roles: {needed}"
    roles = ", ".join(dict.fromkeys(role for ground in held for role in roles_in(ground.roles)))
    return f"holds {roles} here; needs one of the roles: {needed}"
