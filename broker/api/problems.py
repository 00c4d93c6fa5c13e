"""Errors to problem documents (RFC 9457): the outermost layer of every request."""

import asyncio
import math

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from broker.errors import FairleadError, LimitExceeded, Unavailable
from broker.protocol.problems import to_problem
from broker.queues.client import GenerationLost

log = structlog.get_logger(__name__)
PROBLEM_JSON = "application/problem+json"

# aiohttp's own refusals, in our words.
CODE_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


def problem_response(error: FairleadError) -> web.Response:
    """The response that tells of an error."""
    problem = to_problem(error)
    headers = {}
    if isinstance(error, LimitExceeded | Unavailable):
        headers["Retry-After"] = str(math.ceil(error.retry_after_seconds))
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="fairlead"'
    return web.Response(
        body=problem.model_dump_json().encode(),
        status=problem.status,
        content_type=PROBLEM_JSON,
        headers=headers,
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every error as a problem; what we did not expect is logged whole, told briefly."""
    try:
        return await handler(request)
    except GenerationLost as error:
        return problem_response(Unavailable(error.message))
    except FairleadError as error:
        return problem_response(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        refusal = FairleadError(f"{request.method} {request.path}: {error.reason}")
        response = problem_response(refusal)
        response.set_status(error.status)
        code = CODE_OF_STATUS.get(error.status, "http_error")
        document = to_problem(refusal).model_copy(
            update={
                "status": error.status,
                "code": code,
                "type": f"/problems/{code}",
                "title": error.reason,
            }
        )
        response.body = document.model_dump_json().encode()
        if allow := error.headers.get("Allow"):
            response.headers["Allow"] = allow
        return response
    except (asyncio.CancelledError, ConnectionResetError):
        raise
    except Exception:
        log.exception("unexpected error", method=request.method, path=request.path)
        return problem_response(FairleadError("internal error; the broker's log has the details"))
