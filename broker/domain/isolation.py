"""What others see of the batches of an app, from the most open class to the strictest.

    shared           those who see the app see its batches, and their outputs (H8)
    read_shared      those who see the app see its batches, but not the outputs (H9)
    personal         the people of the place where the batch lies
    strict_personal  the same, and not even those who administer the app or everything (H10)

The class is stamped on each batch when it is submitted, so a later change of the app opens nothing
that exists.
"""

from typing import Final

from broker.protocol.nodes import Isolation

STRICTEST_LAST: Final = (
    Isolation.SHARED,
    Isolation.READ_SHARED,
    Isolation.PERSONAL,
    Isolation.STRICT_PERSONAL,
)


def stricter(one: Isolation, other: Isolation) -> Isolation:
    """The class of the two that shows less."""
    return max(one, other, key=STRICTEST_LAST.index)


def stamp(app: Isolation, *, private: bool) -> Isolation:
    """The class of a new batch.

    Args:
        app: the class of its app, now.
        private: its submitter does not want it shared.
    """
    return stricter(app, Isolation.PERSONAL) if private else app
