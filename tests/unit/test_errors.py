"""Which answers of the API mean what, and how an error reads."""

import pytest

from providers.er import exceptions
from providers.er.exceptions import ApiError, error_class


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "ER.04008500", exceptions.AttachmentTypeError),
        (400, "ER.04008501", exceptions.NotFoundError),
        (404, "ER.04008501", exceptions.NotFoundError),
        (400, "ER.04008502", exceptions.BusyError),
        (400, "ER.04004003", exceptions.BusyError),
        (400, "ER.04001003", exceptions.BusyError),
        (409, "ER.04008502", exceptions.BusyError),
        (400, "ER.04008503", exceptions.AlreadyExistsError),
        (400, "ER.04009005", exceptions.InvalidParametersError),
        (400, "ER.04009008", exceptions.QuotaExceededError),
        (404, "ER.04041001", exceptions.NotFoundError),
        (404, "ER.04044001", exceptions.NotFoundError),
        (404, "LTS.0201", exceptions.NotFoundError),
        (503, "ER.05039006", exceptions.TemporaryError),
        (500, "ER.05039006", exceptions.TemporaryError),
        (401, "APIG.0301", exceptions.UnauthorizedError),
        (401, None, exceptions.UnauthorizedError),
        (429, "APIG.0308", exceptions.TemporaryError),
        (502, None, exceptions.TemporaryError),
        (503, None, exceptions.TemporaryError),
        (504, "", exceptions.TemporaryError),
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
        (exceptions.TemporaryError("no", status=429, retry_after=3.0), "no (HTTP 429)"),
    ],
)
def test_what_is_not_known_is_not_said(error: ApiError, text: str) -> None:
    assert str(error) == text


def test_every_error_is_an_api_error() -> None:
    kinds = [
        kind for kind in vars(exceptions).values() if isinstance(kind, type) and kind.__module__ == exceptions.__name__
    ]
    assert len(kinds) > 5
    assert all(issubclass(kind, ApiError) for kind in kinds)
