"""Which answers of the API mean what, and how an error reads."""

import pytest

from providers.er import errors
from providers.er.errors import ApiError, error_class


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "ER.04008500", errors.AttachmentTypeError),
        (400, "ER.04008501", errors.NotFoundError),
        (404, "ER.04008501", errors.NotFoundError),
        (400, "ER.04008502", errors.BusyError),
        (400, "ER.04004003", errors.BusyError),
        (400, "ER.04001003", errors.BusyError),
        (409, "ER.04008502", errors.BusyError),
        (400, "ER.04008503", errors.AlreadyExistsError),
        (400, "ER.04009005", errors.InvalidParametersError),
        (400, "ER.04009008", errors.QuotaExceededError),
        (404, "ER.04041001", errors.NotFoundError),
        (404, "ER.04044001", errors.NotFoundError),
        (404, "LTS.0201", errors.NotFoundError),
        (503, "ER.05039006", errors.TemporaryError),
        (500, "ER.05039006", errors.TemporaryError),
        (401, "APIG.0301", errors.UnauthorizedError),
        (401, None, errors.UnauthorizedError),
        (429, "APIG.0308", errors.TemporaryError),
        (502, None, errors.TemporaryError),
        (503, None, errors.TemporaryError),
        (504, "", errors.TemporaryError),
    ],
)
def test_an_answer_that_callers_act_on_has_its_own_class(status: int, code: str | None, kind: type[ApiError]) -> None:
    assert error_class(status, code) is kind


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, None),
        (400, "ER.99999999"),
        (403, "APIG.0302"),
        (409, None),
        (500, None),
        (302, None),
        (400, "er.04008501"),
        (400, "ER.04008501 "),
    ],
)
def test_any_other_refusal_is_just_an_error(status: int, code: str | None) -> None:
    assert error_class(status, code) is ApiError


@pytest.mark.parametrize("code", [None, "", "APIG.0101", "nginx", "er.04041001"])
def test_a_404_that_is_not_the_services_own_never_means_gone(code: str | None) -> None:
    assert error_class(404, code) is ApiError


def test_an_error_reads_as_one_sentence_with_all_that_support_needs() -> None:
    error = ApiError("the quota is used up", status=400, code="ER.04009008", request_id="abc")
    assert str(error) == "the quota is used up (ER.04009008, HTTP 400, request abc)"
    assert error.message == "the quota is used up"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ApiError("no"), "no"),
        (ApiError("no", status=500), "no (HTTP 500)"),
        (ApiError("no", code="ER.1"), "no (ER.1)"),
        (ApiError("no", request_id="abc"), "no (request abc)"),
        (errors.TemporaryError("no", status=429, retry_after=3.0), "no (HTTP 429)"),
    ],
)
def test_what_is_not_known_is_not_said(error: ApiError, text: str) -> None:
    assert str(error) == text


def test_every_error_is_an_api_error() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__]
    assert len(kinds) > 5
    assert all(issubclass(kind, ApiError) for kind in kinds)
