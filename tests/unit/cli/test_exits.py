import pytest

from broker import errors
from broker.cli.exits import Exit, exit_of, exit_of_batch, exit_of_job
from broker.protocol.batches import Batch
from broker.protocol.jobs import JobSummary

from .conftest import samples


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInput("x"), Exit.INVALID),
        (errors.BodyTooLarge("x"), Exit.INVALID),
        (errors.Unauthenticated("x"), Exit.NOT_ALLOWED),
        (errors.Forbidden("x"), Exit.NOT_ALLOWED),
        (errors.NotFound("x"), Exit.NOT_FOUND),
        (errors.NameTaken("x"), Exit.CONFLICT),
        (errors.KeyReused("x"), Exit.CONFLICT),
        (errors.LimitExceeded("x"), Exit.LIMIT),
        (errors.Unavailable("x"), Exit.UNAVAILABLE),
        (errors.StartupError("x"), Exit.STARTUP),
        (errors.FairleadError("x"), Exit.INTERNAL),
        (TimeoutError(), Exit.TIMEOUT),
        (ValueError(), Exit.INTERNAL),
    ],
)
def test_every_error_has_its_code(error: Exception, code: Exit) -> None:
    assert exit_of(error) is code


@pytest.mark.parametrize(
    ("state", "exit_code", "code"),
    [
        ("succeeded", 0, 0),
        ("failed", 3, 3),
        ("failed", -9, 137),
        ("failed", 0, 1),  # its output was invalid
        ("failed", 3_221_225_477, 1),
        ("cancelled", None, 1),
        ("quarantined", None, 1),
    ],
)
def test_a_job_hands_its_code_on(state: str, exit_code: int | None, code: int) -> None:
    job = JobSummary.model_validate(samples.summary(1, state=state, exit_code=exit_code))
    assert exit_of_job(job) == code


def test_a_batch_succeeds_only_whole() -> None:
    good = Batch.model_validate(samples.batch(jobs=2, succeeded=2))
    bad = Batch.model_validate(samples.batch(jobs=2, succeeded=1, cancelled=1))
    assert (exit_of_batch(good), exit_of_batch(bad)) == (0, 1)
