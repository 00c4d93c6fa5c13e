"""The catalogue of images."""

from aiohttp import web

from broker.api.call import (
    CREATED,
    NO_CONTENT,
    Call,
    PageQuery,
    answer,
    answer_page,
    page_bounds,
    tagged,
)
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Name, Page
from broker.protocol.images import Image, ImageChange, ImageRequest
from broker.services.data import images


class ImagesQuery(PageQuery):
    """The query of the list of images."""

    category: Name | None = None
    """Only those in this category."""


async def create(call: Call) -> web.Response:
    body = await call.body(ImageRequest)
    response = await call.mutate(lambda c: images.create(c, call.actor, body), CREATED)
    return tagged(response, Image, images.etag)


async def page(call: Call) -> web.Response:
    query = call.query(ImagesQuery)
    before, limit = page_bounds(query)
    async with call.services.database.connection() as connection:
        found = await images.page(
            connection, call.actor, category=query.category, before=before, rows_max=limit
        )
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        image = await images.view(connection, call.actor, call.path("image"))
    return answer(image, headers={"ETag": images.etag(image)})


async def change(call: Call) -> web.Response:
    body, image, tags = await call.body(ImageChange), call.path("image"), call.if_match
    response = await call.mutate(lambda c: images.change(c, call.actor, image, body, if_match=tags))
    return tagged(response, Image, images.etag)


async def delete(call: Call) -> web.Response:
    return await call.mutate(lambda c: images.delete(c, call.actor, call.path("image")))


A = Action
ALL, ONE = "/v1/images", "/v1/images/{image}"
ROUTES = [
    Route(
        "POST",
        ALL,
        create,
        A.IMAGE_EDIT,
        "Enters an image into the catalogue.",
        body=ImageRequest,
        answer=Image,
        status=CREATED,
        etag=True,
    ),
    Route(
        "GET",
        ALL,
        page,
        A.IMAGE_LIST,
        "Lists the images that the caller may view, newest first.",
        query=ImagesQuery,
        answer=Page[Image],
    ),
    Route("GET", ONE, show, A.IMAGE_VIEW, "Shows an image with its path.", answer=Image, etag=True),
    Route(
        "PATCH",
        ONE,
        change,
        A.IMAGE_EDIT,
        "Changes or categorises an image.",
        body=ImageChange,
        answer=Image,
        etag=True,
    ),
    Route(
        "DELETE",
        ONE,
        delete,
        A.IMAGE_EDIT,
        "Removes an image that no app version refers to.",
        status=NO_CONTENT,
    ),
]
