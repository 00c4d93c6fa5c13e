"""The catalogue of images: list, show, create, set, delete."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ADMINS, LIMIT_DEFAULT, Limit, Roles, entries_of
from broker.cli.render import Column, print_document, print_done, print_list
from broker.cli.session import Session, command, default

if TYPE_CHECKING:
    from broker.protocol.images import Image

images = typer.Typer(help="Images that apps run in: list, show, create, set, delete.")

OfImage = Annotated[str, typer.Argument(metavar="IMAGE", help="Handle or id of the image.")]
Categories = Annotated[
    list[str], typer.Option("--category", help="A word to find it by; repeatable.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(images, name="images", rich_help_panel=ADMINS)


@default(images)
@command(images, "list")
def list_images(
    session: Session,
    category: Annotated[str | None, typer.Option(help="Only those in this category.")] = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """List images, newest first."""
    columns: list[Column[Image]] = [
        Column("name", lambda i: i.name),
        Column("path", lambda i: i.path),
        Column("digest", lambda i: i.digest[:19], spare=1),
        Column("categories", lambda i: ", ".join(i.categories), spare=2),
    ]
    with session.client() as client:
        items = client.images(category=category, limit=limit or None)
        print_list(items, columns, json=session.json, empty="no images")


@command(images, "show")
def show(session: Session, image: OfImage) -> None:
    """Show one image whole."""
    with session.client() as client:
        _print(session, client.image(image))


@command(images, "create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Unique handle, which app versions name.")],
    path: Annotated[str, typer.Argument(help="Where a registry has it, without tag.")],
    digest: Annotated[str, typer.Argument(help="Of its manifest, sha256:...")],
    category: Categories = [],  # noqa: B006 - typer's way to say "none given"
    role: Roles = [],  # noqa: B006
) -> None:
    """Enter an image into the catalogue; every registered user sees it unless --role is given."""
    from broker.client.submissions import checked
    from broker.protocol.images import ImageRequest

    fields = {"name": name, "path": path, "digest": digest, "categories": category}
    entries = {"entries": entries_of(role)} if role else {}
    with session.client() as client:
        _print(session, client.create_image(checked(ImageRequest, {**fields, **entries})))


@command(images, "set")
def change(
    session: Session,
    image: OfImage,
    path: Annotated[str | None, typer.Option(help="Where a registry has it.")] = None,
    digest: Annotated[str | None, typer.Option(help="Of its manifest, sha256:...")] = None,
    category: Categories = [],  # noqa: B006
) -> None:
    """Change or categorise an image; versions that were published keep what they have."""
    from broker.client.submissions import checked
    from broker.protocol.images import ImageChange

    fields = {"path": path, "digest": digest, "categories": category or None}
    given = {field: value for field, value in fields.items() if value is not None}
    if not given:
        raise typer.BadParameter("give at least one change")
    with session.client() as client:
        _print(session, client.change_image(image, checked(ImageChange, given)))


@command(images, "delete")
def delete(session: Session, image: OfImage) -> None:
    """Remove an image that no app version names."""
    with session.client() as client:
        client.delete_image(image)
    print_done(f"{image} is deleted", json=session.json)


def _print(session: Session, image: "Image") -> None:
    from broker.protocol.ids import show

    rows = [
        ("id", show("image", image.id)),
        ("name", image.name),
        ("path", image.path),
        ("digest", image.digest),
        ("categories", ", ".join(image.categories)),
        ("created", image.created_at),
    ]
    print_document(image, rows, json=session.json)
