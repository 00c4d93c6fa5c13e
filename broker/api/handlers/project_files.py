"""Files in projects: made of uploads, given other content, downloaded."""

from aiohttp import web

from broker.api.call import Call
from broker.api.handlers.leases import BYTES
from broker.api.plain import Plain, creating
from broker.api.route import Route
from broker.api.streaming import send_file
from broker.domain.access import Action
from broker.protocol.nodes import Node
from broker.protocol.project_files import FileContentRequest, FileRequest
from broker.services.data import project_files


async def replace(call: Call) -> web.Response:
    body, file = await call.body(FileContentRequest), call.id("file")
    return await call.mutate(lambda c: project_files.replace(c, call.actor, file, body))


async def download(call: Call) -> web.StreamResponse:
    services = call.services
    stored = await project_files.find(
        services.database, services.files, call.actor, call.id("file")
    )
    return await send_file(
        call.request,
        stored.path,
        name=stored.name,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
    )


A = Action
CONTENT = "/v1/files/{file}/content"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        "/v1/files",
        creating(project_files.create, FileRequest, Node),
        A.FILE_UPLOAD,
        "Creates a file in a project, a workspace or a folder out of content that was uploaded.",
    ),
    Route(
        "PUT",
        CONTENT,
        replace,
        A.FILE_EDIT,
        "Gives a file other content that was uploaded.",
        body=FileContentRequest,
        answer=Node,
    ),
    Route(
        "GET",
        CONTENT,
        download,
        A.FILE_DOWNLOAD,
        "Downloads a file, whole or a range of it.",
        answer=BYTES,
    ),
]
