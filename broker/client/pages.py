"""Lists that come in pages, read as one stream."""

from collections.abc import AsyncGenerator
from typing import TypeVar

from broker.client.transport import Query, Transport
from broker.protocol.base import Page
from broker.protocol.limits import PAGE_ITEMS_MAX

Item = TypeVar("Item")


async def listing(
    http: Transport,
    path: str,
    page: type[Page[Item]],
    *,
    limit: int | None,
    query: Query | None = None,
) -> AsyncGenerator[Item, None]:
    """The entries of a list, newest first, fetched page by page as they are asked for.

    Args:
        http: the transport.
        path: path of the list.
        page: model of one page.
        limit: most entries to yield; null for all.
        query: filters; nulls are left out.
    """
    left = limit
    cursor: str | None = None
    while left is None or left > 0:
        size = PAGE_ITEMS_MAX if left is None else min(left, PAGE_ITEMS_MAX)
        answer = await http.call(
            "GET", path, page, query={**(query or {}), "limit": size, "cursor": cursor}
        )
        for item in answer.items[:left]:
            yield item
        if answer.next_cursor is None:
            return
        cursor = answer.next_cursor
        left = None if left is None else left - len(answer.items)
