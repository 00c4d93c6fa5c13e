"""The catalogue of images."""

from functools import partial

from broker.api.call import PageQuery
from broker.api.plain import Plain, changing, creating, deleting, searching, showing
from broker.domain.access import Action
from broker.protocol.base import Name, Page
from broker.protocol.images import Image, ImageChange, ImageRequest
from broker.services.data import images


class ImagesQuery(PageQuery):
    """The query of the list of images."""

    category: Name | None = None
    """Only those in this category."""


A = Action
ALL, ONE = "/v1/images", "/v1/images/{image}"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        ALL,
        creating(images.create, ImageRequest, Image, images.etag),
        A.IMAGE_EDIT,
        "Enters an image into the catalogue.",
    ),
    plain.route(
        "GET",
        ALL,
        searching(
            lambda query: partial(images.page, category=query.category), ImagesQuery, Page[Image]
        ),
        A.IMAGE_LIST,
        "Lists the images that the caller may view, newest first.",
    ),
    plain.route(
        "GET",
        ONE,
        showing(images.view, Image, images.etag),
        A.IMAGE_VIEW,
        "Shows an image with its path.",
    ),
    plain.route(
        "PATCH",
        ONE,
        changing(images.change, ImageChange, Image, images.etag),
        A.IMAGE_EDIT,
        "Changes or categorises an image.",
    ),
    plain.route(
        "DELETE",
        ONE,
        deleting(images.delete),
        A.IMAGE_EDIT,
        "Removes an image that no app version refers to.",
    ),
]
