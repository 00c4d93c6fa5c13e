"""The caller in the middle of one request, and the one question that every use case asks."""

from dataclasses import dataclass, replace

from broker.domain import access
from broker.domain.access import Action, Principal, Resource, Visible, World
from broker.errors import Forbidden, NotFound
from broker.protocol.ids import AccountId, HostId
from broker.services.requests.access import Access
from broker.storage.database import Connection


@dataclass(slots=True)
class Actor:
    """A caller, bound to the action that its route declares.

    Every use case takes one and calls `require` (or `may`) before it shows or changes anything;
    the route table refuses to answer when nobody asked.
    """

    principal: Principal
    action: Action
    access: Access
    asked: bool = False
    about: tuple[str, ...] = ()  # public ids of what was asked about, for the audit log

    @property
    def world(self) -> World:
        """Makes the resources to ask about."""
        return self.access.world

    def to(self, action: Action) -> "Actor":
        """The same caller, asking for something else."""
        return replace(self, action=action, asked=False)

    async def confirm(self, connection: Connection) -> None:
        """Call in the transaction of a change before asking: the decision is then about the
        database's state.

        Raises:
            Unavailable: what is known is too old.
            Unauthenticated: the account is no longer active.
        """
        await self.access.confirm(connection)
        await self.renew()

    async def renew(self) -> None:
        """Takes what the caller holds now.

        Raises:
            Unauthenticated: the account is no longer active.
        """
        who = self.principal
        if who.account_id is not None:
            now = await self.access.principal(who.account_id)
            self.principal = now.by_token(who.token_id, who.scopes)

    def may(self, what: Resource | None = None) -> bool:
        """Whether the route's action is allowed on a resource; on the deployment for None."""
        self.asked = True
        return self.could(self.action, what)

    def could(self, action: Action, what: Resource | None = None) -> bool:
        """Whether another action than the route's would be allowed: what decides how much of an
        answer the caller sees. It does not count as asking."""
        return access.decide(self.principal, action, what or self.world.deployment()).allowed

    def seen(self) -> Visible:
        """On what the route's action is allowed: what a list holds. It counts as asking.

        Raises:
            Forbidden: nothing is there for callers without an account; or the token is not for
                this.
        """
        self.asked = True
        self._in_scope(self.action)
        visible = self.world.visible(self.principal, self.action)
        if self.principal.account_id is None and not visible.benefactors:
            raise Forbidden("nothing of this is public; use an account's token")
        return visible

    def require(
        self,
        what: Resource | None = None,
        *,
        ids: tuple[str, ...] = (),
        action: Action | None = None,
    ) -> None:
        """Goes on only when the route's action is allowed.

        Args:
            action: asked in the place of the route's, which stands for several.

        Raises:
            NotFound: denied, and the caller may not know that the resource exists.
            Forbidden: denied, and the caller can see it; or the caller's token is not for this.
        """
        wanted = action or self.action
        self.asked = True
        self.about += ids
        if self.could(wanted, what):
            return
        self._in_scope(wanted)
        if not access.sees(self.principal, what or self.world.deployment()):
            raise NotFound(
                f"{' '.join(ids) or 'it'} does not exist, or is not yours to see", ids=ids
            )
        roles = " or ".join(access.roles_with(wanted))
        raise Forbidden(f"{wanted} needs one of the roles: {roles}", ids=ids)

    def _in_scope(self, action: Action) -> None:
        if not self.principal.in_scope(action):
            held = ", ".join(sorted(self.principal.scopes))
            raise Forbidden(f"the token is not for {action}; its scopes are: {held}")

    @property
    def account_id(self) -> AccountId:
        """The calling account.

        Raises:
            Forbidden: the caller is a host.
        """
        if self.principal.account_id is None:
            raise Forbidden("a host's token cannot be used here; use an account's")
        return self.principal.account_id

    @property
    def host_id(self) -> HostId:
        """The calling host.

        Raises:
            Forbidden: the caller is an account.
        """
        if self.principal.host_id is None:
            raise Forbidden("only a host's token can be used here")
        return self.principal.host_id
