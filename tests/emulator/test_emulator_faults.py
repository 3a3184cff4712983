"""What each kind of fault looks like to a plain client."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from emulator import Server
from emulator.faults.plan import Fault
from tests.emulator.plain_client import PlainClient, body
from tests.waiting import eventually

CREATE, SHOW, LIST = "POST */flow-logs", "GET */{flow_log_id}", "GET */flow-logs"


def inject(server: Server, *faults: Fault) -> None:
    server.faults.use(0, faults)


def unanswered(call: Callable[[], requests.Response]) -> str:
    """How a call failed that was to have no answer."""
    with pytest.raises(requests.exceptions.RequestException) as caught:
        call()
    return str(caught.value)


@pytest.fixture
def new(server: Server) -> dict[str, str]:
    """The body of a create that nothing is wrong with."""
    return body("log", server.store.attachment("vpc-a").id)


# Of the connection


@pytest.mark.parametrize(("kind", "seen"), [("reset", "Connection reset by peer"), ("hang_up", "without response")])
@pytest.mark.parametrize(("when", "effect"), [("before", 0), ("after", 1)])
def test_a_connection_ends_without_an_answer_before_or_after_the_call_took_effect(
    kind: str, seen: str, when: str, effect: int, server: Server, client: PlainClient, new: dict[str, str]
) -> None:
    inject(server, Fault(kind, calls=CREATE, when=when, times=1))
    assert seen in unanswered(lambda: client.post_flow_log(new))
    assert len(client.ids()) == effect
    assert server.faults.injected() == {kind: 1}


def test_while_connections_are_refused_open_ones_are_reset_and_then_all_goes_on(
    server: Server, client: PlainClient
) -> None:
    client.ids()
    other = PlainClient.of(server)
    inject(server, Fault("refuse", seconds=1.0, times=1))
    unanswered(lambda: client.session.get(client.flow_logs))
    eventually(lambda: "refused" in unanswered(lambda: other.session.get(other.flow_logs)))
    eventually(lambda: answers(other))


def answers(client: PlainClient) -> bool:
    try:
        return client.session.get(client.flow_logs).ok
    except requests.exceptions.RequestException:
        return False


def test_half_an_answer(server: Server, client: PlainClient) -> None:
    inject(server, Fault("truncate", calls=LIST))
    assert "IncompleteRead" in unanswered(lambda: client.session.get(client.flow_logs))


def test_a_call_hangs_until_there_is_another_plan(server: Server, client: PlainClient, new: dict[str, str]) -> None:
    inject(server, Fault("hold", calls=CREATE, when="after", seconds=60.0))
    with ThreadPoolExecutor(1) as pool:
        created = pool.submit(client.post_flow_log, new)
        eventually(lambda: server.faults.injected() == {"hold": 1})
        assert not created.done()
        inject(server)
        assert "Connection reset by peer" in str(created.exception())
    assert len(client.ids()) == 1


# Of the answer


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "APIG.0301"), (403, "APIG.0302"), (429, "APIG.0308"), (500, "ER.05000001"), (503, "ER.05039006")],
)
def test_an_error_in_the_services_envelope(status: int, code: str, server: Server, client: PlainClient) -> None:
    inject(server, Fault("error", calls=LIST, status=status, retry_after=7))
    answer = client.session.get(client.flow_logs)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert answer.headers["Retry-After"] == "7"


@pytest.mark.parametrize("fault", [Fault("error", status=502), Fault("error", status=504), Fault("html", status=200)])
def test_a_page_of_html(fault: Fault, server: Server, client: PlainClient) -> None:
    inject(server, fault)
    answer = client.session.get(client.flow_logs)
    assert (answer.status_code, answer.headers["Content-Type"]) == (fault.status, "text/html")
    assert answer.text.startswith("<html>")


def test_success_without_json(server: Server, client: PlainClient, new: dict[str, str]) -> None:
    inject(server, Fault("garbage", calls=CREATE, when="after"))
    answer = client.post_flow_log(new)
    assert answer.ok
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert len(client.ids()) == 1


def test_an_answer_that_comes_late(server: Server, client: PlainClient) -> None:
    inject(server, Fault("slow", seconds=1.0, times=1))
    assert "Read timed out" in unanswered(lambda: client.session.get(client.flow_logs, timeout=0.1))
    assert client.list()["flow_logs"] == []


def test_a_body_that_comes_in_drops(server: Server, client: PlainClient) -> None:
    inject(server, Fault("dribble", seconds=1.0))
    pieces = []
    with client.session.get(client.flow_logs, stream=True) as answer:
        while piece := answer.raw.read1(65536):
            pieces.append(piece)
    assert len(pieces) > 1
    assert json.loads(b"".join(pieces))["flow_logs"] == []


def test_dates_that_are_off(server: Server, client: PlainClient, new: dict[str, str]) -> None:
    created = client.create(new)
    inject(server, Fault("skew", seconds=-86_400.0 * 365))
    (listed,) = client.list()["flow_logs"]
    assert listed["created_at"] < created["created_at"]
    assert {**listed, "created_at": 0, "updated_at": 0, "state": ""} == {
        **created,
        "created_at": 0,
        "updated_at": 0,
        "state": "",
    }


def test_the_date_of_a_token_that_is_off(server: Server, client: PlainClient) -> None:
    inject(server, Fault("skew", seconds=-86_400.0 * 365))
    domain = {"name": "OTC-TEST"}
    user = {"name": "tester", "password": "only-for-tests", "domain": domain}
    scope = {"project": {"name": "eu-de", "domain": domain}}
    auth = {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}
    answer = client.session.post(f"{client.url}/v3/auth/tokens", json={"auth": auth})
    assert answer.status_code == 201
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{6}Z", answer.json()["token"]["expires_at"])


# Of a list's page


def test_a_page_that_lacks_its_first_item(server: Server, client: PlainClient, new: dict[str, str]) -> None:
    client.create(new)
    inject(server, Fault("shift"))
    page = client.list()
    assert (page["flow_logs"], page["page_info"]) == ([], {"current_count": 0})


def test_markers_that_repeat_or_are_none(server: Server, client: PlainClient, new: dict[str, str]) -> None:
    marker = client.create(new)["id"]
    inject(server, Fault("same_marker", times=1), Fault("bogus_marker"))
    assert client.list(limit=1, marker=marker)["page_info"]["next_marker"] == marker
    assert client.list()["page_info"]["next_marker"] == "1"


# Of the world


@pytest.mark.parametrize(("kind", "state"), [("stuck", "pending"), ("fail", "failed"), ("vanish", "gone")])
def test_what_was_created_comes_to_nothing(
    kind: str, state: str, server: Server, client: PlainClient, new: dict[str, str]
) -> None:
    inject(server, Fault(kind, calls=CREATE, times=1))
    created = client.create(new)
    assert created["state"] == "pending"
    assert client.state(created["id"]) == state


@pytest.mark.parametrize(
    ("kind", "changed"), [("rename", {"name": "renamed-by-somebody"}), ("disable", {"enabled": False})]
)
def test_somebody_changes_a_flow_log_before_it_is_shown(
    kind: str, changed: dict[str, Any], server: Server, client: PlainClient, new: dict[str, str]
) -> None:
    created = client.create(new)
    inject(server, Fault(kind, calls=SHOW))
    shown = client.show(created["id"]).json()["flow_log"]
    assert shown.items() >= changed.items()


def test_somebody_deletes_a_flow_log_after_it_was_shown(
    server: Server, client: PlainClient, new: dict[str, str]
) -> None:
    created = client.create(new)
    inject(server, Fault("vanish", calls=SHOW, when="after", times=1))
    assert client.show(created["id"]).ok
    assert client.state(created["id"]) == "gone"


def test_somebody_uses_up_the_quota(server: Server, client: PlainClient, new: dict[str, str]) -> None:
    inject(server, Fault("fill_quota", calls=CREATE, times=1))
    answer = client.post_flow_log(new)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "ER.04009008")


# How they are asked for


def test_faults_are_asked_for_counted_and_ended_over_http(server: Server, client: PlainClient) -> None:
    faults = f"{client.url}/_emulator/faults"
    plan = {"seed": 3, "faults": [{"kind": "error", "calls": LIST, "status": 500}]}
    assert client.session.put(faults, json=plan).status_code == 204
    assert client.session.get(client.flow_logs).status_code == 500
    assert client.session.get(faults).json() == {"injected": {"error": 1}}
    assert client.session.delete(faults).status_code == 204
    assert client.session.get(client.flow_logs).status_code == 200


def test_a_plan_that_makes_no_sense_is_refused_and_changes_nothing(server: Server, client: PlainClient) -> None:
    inject(server, Fault("error", calls=LIST, status=500))
    refusal = client.session.put(f"{client.url}/_emulator/faults", json={"faults": [{"kind": "gremlin"}]})
    assert refusal.status_code == 400
    assert "no kind of fault 'gremlin'" in refusal.json()["error_msg"]
    assert client.session.get(client.flow_logs).status_code == 500


def test_the_standalone_emulator_reads_faults_from_a_file(run_emulator: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("faults:\n- {kind: error, status: 503, calls: POST /v3/auth/tokens}\n")
    process = run_emulator("--faults", file)
    assert requests.post(f"{process.url}/v3/auth/tokens", json={}, timeout=20).status_code == 503


def test_a_file_of_faults_that_makes_no_sense_is_refused(command: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("faults: [{kind: gremlin}]")
    done = command("emulator", "--faults", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no kind of fault 'gremlin'" in done.stderr
