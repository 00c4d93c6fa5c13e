"""Images of app versions: named by people, resolved to a digest when a spec is stored."""

from broker.domain.access import Action
from broker.errors import InvalidInput
from broker.protocol.apps import VersionSpec
from broker.protocol.ids import NodeId
from broker.protocol.nodes import Kind
from broker.services.requests.actor import Actor
from broker.services.requests.references import absent, find_node
from broker.storage import images, nodes
from broker.storage.database import Connection

POINTER = "/spec/image"


async def resolved(
    connection: Connection, actor: Actor, spec: VersionSpec
) -> tuple[VersionSpec, NodeId | None]:
    """The spec with the reference of its image as the catalogue has it now, and the image.

    The image stays where it is until the transaction ends.

    Raises:
        InvalidInput: there is no such image that the caller may see.
    """
    if spec.image is None:
        return spec.model_copy(update={"image_reference": None}), None
    image = find_node(actor.world, Kind.IMAGE, spec.image, POINTER)
    if image is not None and actor.could(Action.IMAGE_COPY, actor.world.node(image)):
        await nodes.find(connection, image)  # locks it
        if found := await images.find(connection, image):
            reference = f"{found.path}@{found.digest}"
            return spec.model_copy(update={"image_reference": reference}), image
    raise InvalidInput.of(POINTER, absent("image", spec.image).message)
