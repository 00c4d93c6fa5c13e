"""What a broker process asks of Python's memory."""

import gc

from broker.main import OBJECTS_PER_COLLECTION, rest_memory


def test_what_stays_for_good_is_not_searched_for_garbage() -> None:
    thresholds = gc.get_threshold()
    try:
        rest_memory()
        assert gc.get_freeze_count() > 1_000
        assert gc.get_threshold() == (OBJECTS_PER_COLLECTION, *thresholds[1:])
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
