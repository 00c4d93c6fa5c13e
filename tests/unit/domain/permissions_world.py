"""The world that tests/data/permissions_fixture.md describes."""

from broker.protocol.ids import HostId
from broker.protocol.nodes import Isolation, Kind, Mode, Role
from broker.protocol.states import AccountState
from tests.support.worlds import Batch, Worlds

R = Role
ROLES = ["ow", "wr", "ed", "ex", "rd"]
PEOPLE = ["ann", "bob", "cat", "dan", "eve", "sub", "apa", "app_dev", "la1", "la2", "u1", "u2"]


def make() -> Worlds:
    """Everything but leases, which are `LEASES`."""
    w = Worlds()
    for name in ROLES + PEOPLE:
        w.account(name)
    for name in ("mgr", "root_adm"):
        w.account(name, R.MANAGER)
    w.account("sall", R.SUBMIT_ALL)
    w.account("gone", state=AccountState.DELETED)
    w.account("susp", state=AccountState.SUSPENDED)
    w.hosts = {"hostA": HostId(1), "hostB": HostId(2)}
    w.team("T_view", "ann", "bob")
    w.team("T_edit", "bob")
    w.team("T_adm", "ann")
    w.team("lab1", "u1", "la1")
    w.team("lab2", "u2", "la2")
    _apps(w)
    _project(w)
    _elsewhere(w)
    _inventory(w)
    return w


def _apps(w: Worlds) -> None:
    w.node("A", Kind.APP, "root", by="app_dev", sub=R.SUBMITTER, apa=R.APP_ADMIN)
    w.node("Anew", Kind.APP, "root")
    w.node("Adep", Kind.APP, "root", sub=R.SUBMITTER)


def _project(w: Worlds) -> None:
    roles = {"ow": R.OWNER, "wr": R.WRITER, "ed": R.EDITOR, "ex": R.EXECUTOR, "rd": R.READER}
    roles |= {"T_view": R.DOWNLOADER, "T_edit": R.EDITOR, "T_adm": R.OWNER}
    roles |= dict.fromkeys(("sub", "sall", "u1", "u2"), R.EXECUTOR)
    roles |= dict.fromkeys(("gone", "susp"), R.OWNER)
    w.node("P", Kind.PROJECT, "root", by="ow", **roles)
    w.node("f", Kind.FOLDER, "P", by="ow")
    w.node("f2", Kind.FOLDER, "f", by="wr")
    w.node("file", Kind.FILE, "f2")
    w.node("priv", Kind.FOLDER, "P", ow=R.OWNER, T_adm=R.OWNER)
    w.node("pf", Kind.FILE, "priv", by="wr")
    for app, author in (("Aw", "wr"), ("Ao", "ow"), ("Aex", "ex")):
        w.node(app, Kind.APP, "P", by=author)
    for table, author in (("Tx", "ex"), ("Tw", "wr"), ("Ted", "ed")):
        w.node(table, Kind.TABLE, "P", by=author)
    w.batches |= {"Bx": Batch("P", "ex", "A"), "Bw": Batch("P", "wr", "A")}
    w.node("tr", Kind.FOLDER, "P", by="wr")
    w.trash("tr")


def _elsewhere(w: Worlds) -> None:
    w.batches |= {"Bann": Batch("ws-ann", "ann", "A")}
    w.node("Mann", Kind.FILE, "ws-ann", by="ann")
    w.batches |= {"Bspark": Batch("ws-bob", "bob", "A", Isolation.STRICT_PERSONAL)}
    w.node("Pub", Kind.PROJECT, "root", by="ow", ow=R.OWNER)
    w.give("Pub", everyone=R.READER, registered=R.DOWNLOADER)
    w.node("pubf", Kind.FILE, "Pub")
    w.node("pubpriv", Kind.FOLDER, "Pub", ow=R.OWNER, T_view=R.READER)
    w.node("ppf", Kind.FILE, "pubpriv")


def _inventory(w: Worlds) -> None:
    w.data_root("D1", 2001, lab1=R.EDITOR, la1=R.OWNER)
    w.data_root("D2", 2002, lab2=R.EDITOR, la2=R.OWNER, u1=R.DOWNLOADER)
    w.data_root("D1b", 2001, lab1=R.EDITOR)
    w.data_root("Dpub", 1999, public=True, lab1=R.DOWNLOADER, lab2=R.DOWNLOADER)
    w.node("Pool", Kind.POOL, "root")
    w.node("Pool2", Kind.POOL, "root")
    w.node("img", Kind.IMAGE, "root", registered=R.READER)
    w.bind("P", D1=Mode.WRITE, D2=Mode.WRITE, Dpub=Mode.READ, Pool=Mode.READ)


# Who holds a job, at which epoch; and the epoch that each host knows.
LEASES = {"J1": ("hostA", 7), "J2": (None, 0), "Jold": ("hostA", 6)}
EPOCHS = {"hostA": 7, "hostB": 3}
DEPRECATED = {"Adep"}
