"""The two kinds of failure: what the API answers to a client, and what the person who runs the emulator reads."""

from __future__ import annotations

from dataclasses import dataclass


class EmulatorError(Exception):
    """For the person who runs the emulator; the text is one sentence with what is wrong and what to do."""


@dataclass(frozen=True)
class ErrorKind:
    """One row of the API reference's table of errors: the HTTP status and the code that go together."""

    status: int
    code: str


class ApiError(Exception):
    """A refusal in the service's own envelope. The models raise it; `emulator.app` turns it into HTTP."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class GatewayError(ApiError):
    """A refusal by the API gateway itself, in its own envelope whichever service stands behind it."""


class IamError(Exception):
    """A refusal of the identity service, which answers in Keystone's format and knows no error codes."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


# The API gateway answers before the service does.
BAD_CREDENTIALS = ErrorKind(401, "APIG.0301")
BAD_CREDENTIALS_MESSAGE = "Incorrect IAM authentication information"  # and why, after a colon
NO_PERMISSION = ErrorKind(403, "APIG.0302")
NO_SUCH_API = ErrorKind(404, "APIG.0101")
THROTTLED = ErrorKind(429, "APIG.0308")

# API reference: error codes of Enterprise Router.
ROUTER_MISSING = ErrorKind(404, "ER.04041001")
ROUTER_BUSY = ErrorKind(400, "ER.04001003")
ROUTER_FROZEN = ErrorKind(400, "ER.04009011")
ATTACHMENT_MISSING = ErrorKind(404, "ER.04044001")
ATTACHMENT_BUSY = ErrorKind(400, "ER.04004003")
ATTACHMENT_FROZEN = ErrorKind(400, "ER.04009013")
ATTACHMENT_TYPE_REFUSED = ErrorKind(400, "ER.04008500")
FLOW_LOG_MISSING_CODE = "ER.04008501"  # its status can be chosen: see Behaviour.missing_flow_log
FLOW_LOG_BUSY = ErrorKind(400, "ER.04008502")
FLOW_LOG_EXISTS = ErrorKind(400, "ER.04008503")
INVALID_PARAMETERS = ErrorKind(400, "ER.04009005")
QUOTA_USED_UP = ErrorKind(400, "ER.04009008")
INTERNAL_ERROR = ErrorKind(500, "ER.05000001")
UNAVAILABLE = ErrorKind(503, "ER.05039006")

# Log Tank Service.
LOG_GROUP_EXISTS = ErrorKind(400, "LTS.0101")
LOG_GROUP_QUOTA = ErrorKind(400, "LTS.0104")
LOG_GROUP_MISSING = ErrorKind(400, "LTS.0201")
LOG_STREAM_EXISTS = ErrorKind(400, "LTS.0205")
LOG_STREAM_QUOTA = ErrorKind(400, "LTS.0206")
LOG_STREAM_MISSING = ErrorKind(400, "LTS.0208")
LTS_INVALID = ErrorKind(400, "LTS.0009")
LTS_INTERNAL = ErrorKind(500, "LTS.0010")


def invalid(message: str) -> ApiError:
    return ApiError(INVALID_PARAMETERS, message)
