"""Imports: data of data roots as files of projects."""

from broker.api.plain import Plain, creating, deleting, paging
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.imports import Imported, ImportedFile, ImportRequest
from broker.services.data import imports

A = Action
ALL = "/v1/projects/{project}/imports"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        ALL,
        creating(imports.create, ImportRequest, Imported),
        A.DATA_IMPORT,
        "Registers data of a data root as files of a project; all of it or nothing.",
    ),
    plain.route(
        "GET",
        ALL,
        paging(imports.page, Page[ImportedFile]),
        A.PROJECT_VIEW,
        "Lists the imported files of a project that the caller may view, newest first.",
    ),
    plain.route(
        "DELETE",
        f"{ALL}/{{file}}",
        deleting(imports.remove),
        A.DATA_DELETE,
        "Takes an imported file from a project; the data itself stays.",
    ),
]
