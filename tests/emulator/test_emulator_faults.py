"""How each kind of fault appears to a plain client."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from keystoneauth1 import session

from emulator import Server
from emulator.faults.plan import Fault
from providers.er import Client
from tests.emulator.plain_client import PlainClient, body, password_of
from tests.waiting import eventually

CREATE, SHOW, LIST = "POST */flow-logs", "GET */{flow_log_id}", "GET */flow-logs"
YEAR = 86_400.0 * 365

Inject = Callable[..., None]


@pytest.fixture
def inject(server: Server) -> Inject:
    return lambda *faults: server.faults.use(0, faults)


@pytest.fixture
def new(server: Server) -> dict[str, str]:
    """The body of a valid create."""
    return body("log", server.store.attachment("vpc-a").id)


def lost(call: Callable[[], requests.Response]) -> str:
    """How a call failed that gets no answer."""
    with pytest.raises(requests.exceptions.RequestException) as caught:
        call()
    return str(caught.value)


# Of the connection


@pytest.mark.parametrize(("kind", "message"), [("reset", "Connection reset by peer"), ("hang_up", "without response")])
@pytest.mark.parametrize(("when", "created"), [("before", 0), ("after", 1)])
def test_connection_ends_before_or_after_the_call_takes_effect(
    kind: str,
    message: str,
    when: str,
    created: int,
    server: Server,
    client: PlainClient,
    new: dict[str, str],
    inject: Inject,
) -> None:
    inject(Fault(kind, calls=CREATE, when=when, times=1))
    assert message in lost(lambda: client.post_flow_log(new))
    assert len(client.ids()) == created
    assert server.faults.injected() == {kind: 1}


def test_refused_connections_are_accepted_again_later(server: Server, client: PlainClient, inject: Inject) -> None:
    client.ids()
    other = PlainClient.of(server)
    inject(Fault("refuse", seconds=1.0, times=1))
    lost(lambda: client.session.get(client.flow_logs))
    eventually(lambda: "refused" in lost(lambda: other.session.get(other.flow_logs)))

    def is_answered() -> bool:
        try:
            return other.session.get(other.flow_logs).ok
        except requests.exceptions.RequestException:
            return False

    eventually(is_answered)


def test_truncated_answer_is_incomplete(client: PlainClient, inject: Inject) -> None:
    inject(Fault("truncate", calls=LIST))
    assert "IncompleteRead" in lost(lambda: client.session.get(client.flow_logs))


def test_held_call_hangs_until_the_next_plan(
    server: Server, client: PlainClient, new: dict[str, str], inject: Inject
) -> None:
    inject(Fault("hold", calls=CREATE, when="after", seconds=60.0))
    with ThreadPoolExecutor(1) as pool:
        created = pool.submit(client.post_flow_log, new)
        eventually(lambda: server.faults.injected() == {"hold": 1})
        assert not created.done()
        inject()
        assert "Connection reset by peer" in str(created.exception())
    assert len(client.ids()) == 1


# Of the answer


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "APIG.0301"), (403, "APIG.0302"), (429, "APIG.0308"), (500, "ER.05000001"), (503, "ER.05039006")],
)
def test_error_is_in_the_format_of_the_service(status: int, code: str, client: PlainClient, inject: Inject) -> None:
    inject(Fault("error", calls=LIST, status=status, retry_after=7))
    answer = client.session.get(client.flow_logs)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert answer.headers["Retry-After"] == "7"


@pytest.mark.parametrize("fault", [Fault("error", status=502), Fault("error", status=504), Fault("html", status=200)])
def test_proxy_answers_in_html(fault: Fault, client: PlainClient, inject: Inject) -> None:
    inject(fault)
    answer = client.session.get(client.flow_logs)
    assert (answer.status_code, answer.headers["Content-Type"]) == (fault.status, "text/html")
    assert answer.text.startswith("<html>")


def test_garbage_is_success_without_json(client: PlainClient, new: dict[str, str], inject: Inject) -> None:
    inject(Fault("garbage", calls=CREATE, when="after"))
    answer = client.post_flow_log(new)
    assert answer.ok
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert len(client.ids()) == 1


def test_slow_answer_comes_late(client: PlainClient, inject: Inject) -> None:
    inject(Fault("slow", seconds=0.5, times=1))
    assert "Read timed out" in lost(lambda: client.session.get(client.flow_logs, timeout=0.1))
    assert client.list()["flow_logs"] == []


def test_dribbled_body_comes_in_pieces(client: PlainClient, inject: Inject) -> None:
    inject(Fault("dribble", seconds=0.5))
    pieces = []
    with client.session.get(client.flow_logs, stream=True) as answer:
        while piece := answer.raw.read1(65536):
            pieces.append(piece)
    assert len(pieces) > 1
    assert json.loads(b"".join(pieces))["flow_logs"] == []


def test_skew_changes_dates_and_nothing_else(client: PlainClient, new: dict[str, str], inject: Inject) -> None:
    created = client.create(new)
    inject(Fault("skew", seconds=-YEAR))
    (listed,) = client.list()["flow_logs"]
    assert listed["created_at"] < created["created_at"]
    changing = {"created_at", "updated_at", "state"}
    assert {key: listed[key] for key in listed if key not in changing} == {
        key: created[key] for key in created if key not in changing
    }


def test_skew_changes_dates_of_tokens(server: Server, inject: Inject) -> None:
    inject(Fault("skew", seconds=-YEAR))
    access = password_of(server, "tester", "only-for-tests").get_access(session.Session())
    assert access.expires is not None
    assert -YEAR < access.expires.timestamp() - time.time() < 2 * 86_400 - YEAR


# Of a list's page


def test_shifted_page_lacks_its_first_item(client: PlainClient, new: dict[str, str], inject: Inject) -> None:
    client.create(new)
    inject(Fault("shift"))
    page = client.list()
    assert (page["flow_logs"], page["page_info"]) == ([], {"current_count": 0})


def test_shifted_list_of_log_groups_lacks_its_first_item(server: Server, er: Client, inject: Inject) -> None:
    everything = er.log_groups.list()
    inject(Fault("shift"))
    assert er.log_groups.list() == everything[1:]


def test_next_marker_repeats_or_is_bogus(client: PlainClient, new: dict[str, str], inject: Inject) -> None:
    marker = client.create(new)["id"]
    inject(Fault("same_marker", times=1), Fault("bogus_marker"))
    assert client.list(limit=1, marker=marker)["page_info"]["next_marker"] == marker
    assert client.list()["page_info"]["next_marker"] == "1"


# Of the cloud contents


@pytest.mark.parametrize(("kind", "state"), [("stuck", "pending"), ("fail", "failed"), ("vanish", "gone")])
def test_created_flow_log_does_not_become_available(
    kind: str, state: str, client: PlainClient, new: dict[str, str], inject: Inject
) -> None:
    inject(Fault(kind, calls=CREATE, times=1))
    created = client.create(new)
    assert created["state"] == "pending"
    assert client.state(created["id"]) == state


def test_repeated_create_leaves_the_existing_flow_log_available(
    client: PlainClient, new: dict[str, str], inject: Inject
) -> None:
    id_ = client.create(new, client_token="t")["id"]
    inject(Fault("stuck", calls=CREATE, times=1))
    assert client.create(new, client_token="t")["id"] == id_
    assert client.state(id_) == "available"


@pytest.mark.parametrize(
    ("kind", "changed"), [("rename", {"name": "renamed-by-somebody"}), ("disable", {"enabled": False})]
)
def test_somebody_changes_flow_log_before_it_is_shown(
    kind: str, changed: dict[str, Any], client: PlainClient, new: dict[str, str], inject: Inject
) -> None:
    created = client.create(new)
    inject(Fault(kind, calls=SHOW))
    assert client.show(created["id"]).json()["flow_log"].items() >= changed.items()


def test_somebody_deletes_flow_log_after_it_was_shown(client: PlainClient, new: dict[str, str], inject: Inject) -> None:
    created = client.create(new)
    inject(Fault("vanish", calls=SHOW, when="after", times=1))
    assert client.show(created["id"]).ok
    assert client.state(created["id"]) == "gone"


def test_somebody_uses_up_the_quota(client: PlainClient, new: dict[str, str], inject: Inject) -> None:
    inject(Fault("fill_quota", calls=CREATE, times=1))
    answer = client.post_flow_log(new)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "ER.04009008")


# Plans


def test_plan_is_set_counted_and_cleared_over_http(client: PlainClient) -> None:
    faults = f"{client.url}/_emulator/faults"
    plan = {"seed": 3, "faults": [{"kind": "error", "calls": LIST, "status": 500}]}
    assert client.session.put(faults, json=plan).status_code == 204
    assert client.session.get(client.flow_logs).status_code == 500
    refusal = client.session.put(faults, json={"faults": [{"kind": "gremlin"}]})
    assert refusal.status_code == 400
    assert "faults[0].kind must be one of" in refusal.json()["error_msg"]
    assert client.session.get(client.flow_logs).status_code == 500
    assert client.session.get(faults).json() == {"injected": {"error": 2}}
    assert client.session.delete(faults).status_code == 204
    assert client.session.get(client.flow_logs).status_code == 200


def test_standalone_emulator_reads_plan_from_file(
    run_emulator: Callable[..., Any], command: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("faults:\n- {kind: error, status: 503, calls: POST /v3/auth/tokens}\n")
    process = run_emulator("--faults", file)
    assert requests.post(f"{process.url}/v3/auth/tokens", json={}, timeout=20).status_code == 503
    file.write_text("faults: [{kind: gremlin}]")
    done = command("emulator", "--faults", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: The fault plan {file}: faults[0].kind must be one of ")
