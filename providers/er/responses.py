"""What an HTTP response means: a JSON object, or an exception."""

from __future__ import annotations

import contextlib
from json import loads
from typing import Any

import requests

from providers.er.auth.credentials import TOKEN_HEADER
from providers.er.endpoints import origin
from providers.er.exceptions import ApiError, TemporaryError, error_class
from providers.er.retry import OUTAGE_BUDGET
from providers.er.sanitizing import redact, sanitize


def parse_body(response: requests.Response) -> dict[str, Any]:
    """The JSON object that the response holds; an empty one if it has no body.

    Raises:
        TemporaryError: It holds something else.
    """
    if not response.content:
        return {}
    try:
        # Not response.json(), which would decode by whatever encoding the response claims to have.
        body = loads(response.content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise TemporaryError(f"{origin(response.url)} gave an answer that is not JSON", status=response.status_code)
    return body


def parse_error(response: requests.Response) -> ApiError:
    """The exception for a refusal: `{"error_code", "error_msg", "request_id"}`, IAM's form, or anything else."""
    body: dict[str, Any] = {}
    with contextlib.suppress(TemporaryError):
        body = parse_body(response)
    iam_error = body.get("error")
    text = iam_error.get("message") if isinstance(iam_error, dict) else body.get("error_msg")
    token = response.request.headers.get(TOKEN_HEADER)

    def shown(value: object) -> str | None:
        return sanitize(redact(token, value)) if isinstance(value, str) and value else None

    code, request_id = shown(body.get("error_code")), shown(body.get("request_id"))
    kind = error_class(response.status_code, code)
    details: dict[str, Any] = {"status": response.status_code, "code": code, "request_id": request_id}
    if kind is TemporaryError:
        details["retry_after"] = _retry_after(response)
    if sentence := shown(text):
        error = kind(sentence.rstrip("."), **details)
    elif response.is_redirect:
        error = kind(f"{origin(response.url)} redirects to another address: check the endpoint", **details)
    else:
        reason = shown(response.reason) or "an error"
        error = kind(f"{origin(response.url)} answered {reason} without an explanation", **details)
    # What the service could not finish it may have begun, even where repeating is no use.
    error.may_have_applied |= response.status_code >= 500
    return error


def _retry_after(response: requests.Response) -> float | None:
    """Seconds of the header Retry-After. This service does not send dates in it."""
    try:
        return min(max(float(response.headers.get("Retry-After", "")), 0.0), OUTAGE_BUDGET)
    except ValueError:
        return None
