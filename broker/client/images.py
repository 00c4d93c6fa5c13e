"""The catalogue of images."""

from collections.abc import AsyncGenerator

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, ref
from broker.protocol.base import Page
from broker.protocol.images import Image, ImageChange, ImageRequest


def _path(image: Ref) -> str:
    return f"/v1/images/{ref('image', image)}"


async def create_image(http: Transport, request: ImageRequest) -> Image:
    """Enter an image into the catalogue; raises NameTaken when the handle is in use."""
    return await http.call("POST", "/v1/images", Image, body=request)


async def list_images(
    http: Transport, *, category: str | None = None, limit: int | None = None
) -> AsyncGenerator[Image, None]:
    """The images that the caller may view, newest first; those of one category, if given."""
    query = {"category": category}
    async for item in listing(http, "/v1/images", Page[Image], limit=limit, query=query):
        yield item


async def get_image(http: Transport, image: Ref) -> Image:
    """One image, by handle or id."""
    return await http.call("GET", _path(image), Image)


async def change_image(http: Transport, image: Ref, request: ImageChange) -> Image:
    """Change the fields of an image that `request` sets, and keep the others."""
    return await http.call("PATCH", _path(image), Image, body=request)


async def delete_image(http: Transport, image: Ref) -> None:
    """Remove an image that no app version names."""
    await http.act("DELETE", _path(image))
