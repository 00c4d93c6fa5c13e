"""Execution accounts of accounts and teams."""

from broker.api.plain import Plain, deleting, showing, writing
from broker.domain.access import Action
from broker.protocol.unix_accounts import UnixAccount, UnixIdentity, UnixRequest
from broker.services.people import unix_accounts

A = Action
OF_ACCOUNT, OF_TEAM = "/v1/accounts/{account}/unix", "/v1/teams/{team}/unix"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "GET",
        OF_ACCOUNT,
        showing(unix_accounts.of_account, UnixAccount),
        A.PRIVILEGES_VIEW,
        "Shows as which uid and gid the jobs of an account run on hosts.",
        name="show_of_account",
    ),
    plain.route(
        "PUT",
        OF_ACCOUNT,
        writing(unix_accounts.put_on_account, UnixRequest, UnixIdentity),
        A.ACCOUNT_ADMINISTER,
        "Sets the uid and gid of an account's jobs.",
    ),
    plain.route(
        "DELETE",
        OF_ACCOUNT,
        deleting(unix_accounts.remove_from_account),
        A.ACCOUNT_ADMINISTER,
        "Takes the uid and gid of an account's jobs away.",
    ),
    plain.route(
        "GET",
        OF_TEAM,
        showing(unix_accounts.of_team, UnixAccount),
        A.TEAM_VIEW,
        "Shows the uid and gid that are set for a team.",
        name="show_of_team",
    ),
    plain.route(
        "PUT",
        OF_TEAM,
        writing(unix_accounts.put_on_team, UnixRequest, UnixIdentity),
        A.TEAM_EDIT,
        "Sets the uid and gid of the jobs of a team's members.",
    ),
    plain.route(
        "DELETE",
        OF_TEAM,
        deleting(unix_accounts.remove_from_team),
        A.TEAM_EDIT,
        "Takes the uid and gid of a team's members' jobs away.",
    ),
]
