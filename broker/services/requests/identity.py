"""Who is calling: a provider says whom a credential stands for, `access` what that one may do.

Providers are asked in order; the first that recognises the Authorization header decides. None of
them knows a rule: what they prove ends in a `Holder`. See docs/add-an-identity-provider.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from broker.domain.access import ANONYMOUS, WHOLE, Action, Principal, Scopes, rights_of_role
from broker.errors import Unauthenticated
from broker.protocol.ids import AccountId, HostId, TokenId
from broker.protocol.nodes import EVERYONE, Role
from broker.services.requests.access import Access

TOKEN_NEEDED = "this needs a token: send `Authorization: Bearer flt_...`"  # noqa: S105
# What may be asked without a token: what everyone may be given.
WITHOUT_TOKEN = rights_of_role(Role.READER)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a credential stands for: an account, or a host. What either may do is another question.

    Args:
        scopes: what the credential may be used for, of what the account may do.
        token_id: the token of ours that it is; None for another provider's.
    """

    account_id: AccountId | None = None
    host_id: HostId | None = None
    host_draining: bool = False
    scopes: Scopes = WHOLE
    token_id: TokenId | None = None


class Provider(Protocol):
    """One way to prove who calls."""

    def recognises(self, authorization: str) -> bool:
        """Whether an Authorization header is of its kind. By its looks alone: asks nobody."""

    async def holder(self, authorization: str) -> Holder:
        """Whom the header stands for.

        Raises:
            Unauthenticated: nobody, or no longer.
            Unavailable: who could tell is away.
        """

    def forget(self) -> None:
        """Drops what it remembers: something about accounts, tokens or hosts was changed."""


@dataclass(slots=True)
class Identity:
    """Finds the principal behind a request."""

    access: Access
    providers: Sequence[Provider]

    def forget(self) -> None:
        """Call after any change of tokens or hosts: readers see their writes."""
        for provider in self.providers:
            provider.forget()

    async def authenticate(
        self, authorization: str | None, action: Action | None = None
    ) -> Principal:
        """The caller behind an Authorization header.

        Args:
            action: what will be asked; without a token, what everyone may be given can be.

        Raises:
            Unauthenticated: no credential, or one that is nobody's, or whose account is not active.
        """
        if authorization is None and action in WITHOUT_TOKEN:
            return ANONYMOUS
        for provider in self.providers:
            if authorization is not None and provider.recognises(authorization):
                return await self._principal(await provider.holder(authorization))
        raise Unauthenticated(TOKEN_NEEDED)

    async def _principal(self, holder: Holder) -> Principal:
        if holder.account_id is None:
            return Principal(
                host_id=holder.host_id,
                host_draining=holder.host_draining,
                principals=frozenset({EVERYONE}),
            )
        account = await self.access.principal(holder.account_id)
        return account.by_token(holder.token_id, holder.scopes)
