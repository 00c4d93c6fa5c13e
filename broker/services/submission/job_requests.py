"""Job requests: checked against their app version, and made rows to be stored."""

from collections.abc import Callable, Sequence

import orjson
from pydantic import ValidationError

from broker.domain.parameters import check_inputs
from broker.errors import FieldError, InvalidInput
from broker.protocol.complaints import detail_of
from broker.protocol.ids import AccountId
from broker.protocol.limits import JOB_PARAMETERS_BYTES_MAX
from broker.services.apps.catalogue import Runnable
from broker.services.submission.orders import SubmissionOrder
from broker.storage import blobs
from broker.storage.database import Database

# name, and as JSON parameters, inputs, data
JobRow = tuple[str | None, str, str | None, str | None]


def check_jobs(
    runnable: Runnable, order: SubmissionOrder, array: bytes, pointer: Callable[[int], str]
) -> list[JobRow]:
    """Validates a JSON array of job requests against a version, and asks for the data they name.

    Args:
        order: learns of the data roots that the jobs name.
        array: the JSON text of the array.
        pointer: gives the place of the k-th job for errors, e.g. "/jobs/3" or "line 5: ".

    Raises:
        InvalidInput: with one entry for each bad field, at most a hundred.
        Forbidden: data that the caller may not use so.
    """
    try:
        jobs = runnable.jobs.validate_json(array)
    except ValidationError as error:
        bad = _fields(error, pointer)
        raise InvalidInput("some jobs are not valid; nothing was stored", errors=bad) from None
    rows: list[JobRow] = []
    problems: list[FieldError] = []
    checks_inputs = bool(runnable.spec.inputs)
    common = order.roots.outputs_text
    for index, job in enumerate(jobs):
        parameters = job.parameters.model_dump_json()
        if len(parameters) > JOB_PARAMETERS_BYTES_MAX:
            detail = f"more than {JOB_PARAMETERS_BYTES_MAX} bytes"
            problems.append(FieldError(pointer(index) + "/parameters", detail))
        inputs, data = None, common
        if checks_inputs or job.inputs:
            files = job.inputs or {}
            problems += [
                FieldError(pointer(index) + bad.pointer, bad.detail)
                for bad in check_inputs(runnable.spec, frozenset(files))
            ]
            given = {name: file.model_dump(exclude_none=True) for name, file in files.items()}
            inputs = orjson.dumps(given).decode()
            named = {name: file.data for name, file in files.items() if file.data is not None}
            if named:
                data, bad_places = order.roots.read(named, pointer(index) + "/inputs")
                problems += bad_places
        rows.append((job.name, parameters, inputs, data))
    if problems:
        raise InvalidInput("some jobs are not valid; nothing was stored", errors=problems[:100])
    order.require_new_roots()
    return rows


def _fields(error: ValidationError, pointer: Callable[[int], str]) -> list[FieldError]:
    fields = []
    for bad in error.errors(include_input=False)[:100]:
        where = [str(part) for part in bad["loc"][1:]]
        index = bad["loc"][0] if bad["loc"] else 0
        place = pointer(index) if isinstance(index, int) else ""
        named = place + "".join(f"/{part}" for part in where)
        fields.append(FieldError(named.removesuffix(": "), detail_of(bad)))
    return fields


async def check_blobs(database: Database, account: AccountId, jobs: Sequence[JobRow]) -> None:
    """Checks that the account itself uploaded what its jobs refer to by digest.

    Raises:
        InvalidInput: naming each input that it did not upload, at most a hundred.
    """
    wanted: dict[str, str] = {}
    for index, (_, _, inputs, _) in enumerate(jobs):
        for name, file in orjson.loads(inputs).items() if inputs else ():
            if digest := file.get("sha256"):
                wanted.setdefault(digest, f"/jobs/{index}/inputs/{name}/sha256")
    if not wanted:
        return
    async with database.connection() as connection:
        owned = await blobs.owned(connection, account, list(wanted))
    missing = [place for digest, place in wanted.items() if digest not in owned]
    if missing:
        detail = "you have not uploaded this content (PUT /v1/blobs/{sha256})"
        raise InvalidInput(detail, errors=[FieldError(m, detail) for m in missing[:100]])
