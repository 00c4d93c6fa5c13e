"""Where the shell and the broker differ."""

import pytest

from broker.domain.shell_access import difference
from broker.domain.unix_accounts import UnixIds
from broker.protocol.data_roots import Difference

ROOT = UnixIds(5001, 6001)


@pytest.mark.parametrize(
    ("ids", "may_read", "expected"),
    [
        ([], True, Difference.NOT_MAPPED),
        ([], False, None),
        ([UnixIds(7, 6001)], True, None),
        ([UnixIds(5001, 7)], True, None),
        ([UnixIds(7, 8)], True, Difference.OTHER_GROUP),
        ([UnixIds(7, 8), UnixIds(9, 6001)], True, None),
        ([UnixIds(7, 6001)], False, Difference.NO_ROLE),
        ([UnixIds(7, 8), UnixIds(5001, 9)], False, Difference.NO_ROLE),
        ([UnixIds(7, 8)], False, None),
        ([UnixIds(6001, 5001)], False, None),
    ],
)
def test_rule_C7_the_shell_agrees_with_the_broker_or_the_difference_is_named(
    ids: list[UnixIds], may_read: bool, expected: Difference | None
) -> None:
    assert difference(ROOT, ids, may_read=may_read) is expected
