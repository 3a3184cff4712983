"""What can go wrong with a call, and which answers mean the same to a caller.

Codes and meanings: API reference, appendix "Error codes"; gateway codes: API Gateway documentation. The Log Tank
Service has its own reference; LTS.0101, 0104, 0205 and 0206 are only in an earlier version of it, under
public_parameters/error_code.
"""

from __future__ import annotations

from typing import Any

THROTTLED = 429  # HTTP status


class ApiError(Exception):
    """The API refused a call, answered something else than promised, or did not answer.

    Attributes:
        message: One sentence: what is wrong and, where it is known, what to do.
        status: HTTP status of the answer; None when there was none.
        code: `error_code` of the answer, such as `ER.04008503`; None when there was none.
        request_id: The id under which the service logged the call; None when there was none.
        may_have_applied: Whether the call, or an earlier try of it, may have changed something all the same.
    """

    def __init__(
        self, message: str, *, status: int | None = None, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.may_have_applied = False

    @property
    def details(self) -> dict[str, Any]:
        """Status, code and request id, for another exception about the same answer."""
        return {"status": self.status, "code": self.code, "request_id": self.request_id}

    def __str__(self) -> str:
        facts = [self.code, f"HTTP {self.status}" if self.status else None]
        facts.append(f"request {self.request_id}" if self.request_id else None)
        known = ", ".join(fact for fact in facts if fact)
        return f"{self.message} ({known})" if known else self.message


class NotFoundError(ApiError):
    """What the call names does not exist."""


class BusyError(ApiError):
    """The flow log, its attachment or its router is being operated: the same call works later."""


class AlreadyExistsError(ApiError):
    """The attachment already has a flow log for this log group and stream; or the name of a log group is taken."""


class InvalidParametersError(ApiError):
    """The API does not take these parameters; also its answer to a reused X-Client-Token."""


class AttachmentTypeError(ApiError):
    """Attachments of this type cannot be logged."""


class FrozenError(ApiError):
    """The service refuses this until someone lifts the cause, such as an unpaid bill, so repeating it is no use.

    The message ends with what the code means.
    """

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        meaning = _FROZEN.get(code or "")
        super().__init__(f"{message}: {meaning}" if meaning else message, code=code, **details)


class QuotaExceededError(ApiError):
    """The project has as many flow logs, or log groups, as it may have."""


class UnauthorizedError(ApiError):
    """The credentials are wrong or have expired."""


class ForbiddenError(ApiError):
    """The credentials are valid, and lack the permission for this call."""


class TemporaryError(ApiError):
    """Nothing is wrong with the call: throttled, unavailable, connection lost, or an incomplete answer.

    Attributes:
        retry_after: Seconds after which the service allows the next call; None if it names none.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, was_sent: bool = True, **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after
        # Unless it was sent, the service cannot have received the call.
        self.may_have_applied = was_sent and self.status != THROTTLED


class FailedStateError(ApiError):
    """The flow log went to state `failed`, which it never leaves: it has to be replaced."""


class OperationStoppedError(ApiError):
    """The operation ended before it was done."""


class DeadlineExceededError(OperationStoppedError):
    """The deadline of the operation is over."""


class OperationCancelledError(OperationStoppedError):
    """The operation was cancelled."""


_FROZEN = {
    "ER.04009011": "the resource is frozen, so wait until it is unfrozen",
    "ER.04009012": "the account is frozen or restricted, so ask those who pay for it",
    "ER.04009013": "the attachment is frozen, so take it out of the selection until it is unfrozen",
    "ER.04009019": "the service does not allow this for now, so ask its support",
    "ER.04004002": "other resources use the attachment, so release it first",
}
_BY_CODE: dict[str, type[ApiError]] = {
    **dict.fromkeys(_FROZEN, FrozenError),
    "ER.04008500": AttachmentTypeError,
    "ER.04008501": NotFoundError,
    "ER.04008502": BusyError,
    "ER.04004003": BusyError,
    "ER.04001003": BusyError,
    "ER.04008503": AlreadyExistsError,
    "ER.04009005": InvalidParametersError,
    "ER.04009008": QuotaExceededError,
    "ER.05039006": TemporaryError,
    "LTS.0009": InvalidParametersError,
    "LTS.0101": AlreadyExistsError,
    "LTS.0205": AlreadyExistsError,
    "LTS.0104": QuotaExceededError,
    "LTS.0206": QuotaExceededError,
    "LTS.0201": NotFoundError,
    "LTS.0208": NotFoundError,
}
_BY_STATUS: dict[int, type[ApiError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    THROTTLED: TemporaryError,
    502: TemporaryError,
    503: TemporaryError,
    504: TemporaryError,
}


def error_class(status: int, code: str | None) -> type[ApiError]:
    """The exception class for an answer.

    A 404 only counts as "does not exist" with a code of the Enterprise Router itself: a gateway or proxy answers 404
    for a mistyped endpoint too, and taking that for "gone" would forget flow logs that exist.
    """
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status == 404 and code is not None and code.startswith(("ER.", "LTS.")):
        return NotFoundError
    return _BY_STATUS.get(status, ApiError)
