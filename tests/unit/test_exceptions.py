"""Which exception stands for which answer, and how it reads."""

import pytest

from providers.er import exceptions
from providers.er.exceptions import ApiError, error_class


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "ER.04008500", exceptions.AttachmentTypeError),
        *((400, code, exceptions.BusyError) for code in ("ER.04008502", "ER.04004003", "ER.04001003")),
        (409, "ER.04008502", exceptions.BusyError),
        (400, "ER.04008503", exceptions.AlreadyExistsError),
        (400, "ER.04009005", exceptions.InvalidParametersError),
        (400, "ER.04009008", exceptions.QuotaExceededError),
        *((400, f"ER.040{code}", exceptions.FrozenError) for code in ("09011", "09012", "09013", "09019", "04002")),
        (400, "ER.04008501", exceptions.NotFoundError),
        *((404, code, exceptions.NotFoundError) for code in ("ER.04008501", "ER.04041001", "ER.04044001", "LTS.0201")),
        *((401, code, exceptions.UnauthorizedError) for code in ("APIG.0301", None)),
        *((status, "ER.05039006", exceptions.TemporaryError) for status in (500, 503)),
        *((status, None, exceptions.TemporaryError) for status in (502, 503)),
        *((status, code, exceptions.TemporaryError) for status, code in ((429, "APIG.0308"), (504, ""))),
        *((400, code, exceptions.NotFoundError) for code in ("LTS.0201", "LTS.0208")),
        *((400, code, exceptions.AlreadyExistsError) for code in ("LTS.0101", "LTS.0205")),
        *((400, code, exceptions.QuotaExceededError) for code in ("LTS.0104", "LTS.0206")),
        (400, "LTS.0009", exceptions.InvalidParametersError),
        # Anything else, and any 404 that is not the service's own.
        *((status, None, ApiError) for status in (302, 400, 404, 409, 500)),
        *((400, code, ApiError) for code in ("ER.99999999", "er.04008501", "ER.04008501 ")),
        *((404, code, ApiError) for code in ("", "APIG.0101", "nginx", "er.04041001")),
        (403, "APIG.0302", exceptions.ForbiddenError),
    ],
)
def test_status_and_code_select_the_exception(status: int, code: str | None, kind: type[ApiError]) -> None:
    assert error_class(status, code) is kind


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ApiError("used up", status=400, code="ER.1", request_id="abc"), "used up (ER.1, HTTP 400, request abc)"),
        (ApiError("no"), "no"),
        (ApiError("no", status=500), "no (HTTP 500)"),
        (ApiError("no", code="ER.1"), "no (ER.1)"),
        (ApiError("no", request_id="abc"), "no (request abc)"),
        (
            exceptions.FrozenError("no", status=400, code="ER.04009011"),
            "no: the resource is frozen, so wait until it is unfrozen (ER.04009011, HTTP 400)",
        ),
        (exceptions.TemporaryError("no", status=429, retry_after=3.0), "no (HTTP 429)"),
    ],
)
def test_error_text_has_all_known_details(error: ApiError, text: str) -> None:
    assert str(error) == text
