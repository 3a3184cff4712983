"""The contract files, played with plain HTTP against a running emulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from emulator import Server
from tests.emulator.contract_cases import Case, Stage, all_cases, mismatch
from tests.emulator.plain_client import LTS_CONTENT_TYPE

Serve = Callable[..., Server]


@pytest.mark.parametrize("case", all_cases(), ids=str)
def test_emulator_keeps_the_contract(case: Case, serve: Serve) -> None:
    stage = Stage(serve())
    stage.prepare(case)
    answer = _send(case, stage)
    assert answer.status_code == case.expect["status"], answer.text
    for header, value in case.expect.get("headers", {}).items():
        found = answer.headers.get(header)
        assert found if value == "<string>" else found == value, f"header {header} is {found!r}"
    assert mismatch(stage.fill(_expected_body(case)), answer.json() if answer.content else None) is None, answer.text
    assert case.expect.get("says", "") in _message(answer)


def test_every_call_has_a_file() -> None:
    assert len({case.call for case in all_cases()}) == 30


def test_names_of_cases_are_unique() -> None:
    names = [str(case) for case in all_cases()]
    assert len(names) == len(set(names))


def _send(case: Case, stage: Stage) -> requests.Response:
    server = stage.server
    headers = dict(case.headers)
    if case.auth != "missing":
        headers["X-Auth-Token"] = server.token if case.auth != "wrong" else "not-a-token"
    if case.auth == "expired":
        server.store.identity.expire_tokens()
    sent: dict[str, Any] = {}
    content_type = case.content_type or (LTS_CONTENT_TYPE if case.path.startswith("/v2/") else None)
    if case.raw_body is not None:
        sent["data"] = case.raw_body.encode()
        content_type = content_type or "application/json"
    elif case.body is not None:
        sent["json"] = stage.fill(case.body)
    if content_type not in (None, "none"):
        headers["Content-Type"] = str(content_type)
    return requests.request(
        case.method,
        server.url + case.path.format_map(stage.path_values(case)),
        params=stage.fill(dict(case.query)),
        headers=headers,
        timeout=20,
        **sent,
    )


def _expected_body(case: Case) -> Any:
    error = case.expect.get("error")
    if error is None:
        return case.expect.get("body")
    if isinstance(error, int):
        return {"error": {"code": error, "message": "<string>", "title": "<string>"}}
    return {"error_code": error, "error_msg": "<string>", "request_id": "<request-id>"}


def _message(answer: requests.Response) -> str:
    if answer.ok:
        return ""
    content = answer.json()
    message: str = content["error"]["message"] if "error" in content else content["error_msg"]
    return message
