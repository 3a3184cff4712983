"""`python -m tests.live`, run for real: an emulator stands in for the account."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from emulator import Behaviour, Server
from emulator.faults.plan import Fault
from emulator.flow_logs import FlowLog, NewFlowLog
from tests.emulator.clients import ARCHIVE, FLOW, GROUP, client_of, target_of
from tests.emulator.process import PROJECT_FOLDER
from tests.live.__main__ import main
from tests.live.comparison import differences, group_by_call
from tests.live.journal import CREATE, Exchange, record
from tests.live.mirror import LATENCY
from tests.live.opt_in import OptIn, OptInError
from tests.live.place import MARK, RefusedError, find_leftovers, flow_logs_of, look_up
from tests.live.screen import Screen, Stop
from tests.live.sides import Side, inputs_at
from tests.live.walk import STEPS, Walk
from tests.waiting import eventually

Serve = Callable[..., Server]
Begin = Callable[[Server], "subprocess.Popen[str]"]
PASSWORD = "only-for-tests"
COMMAND = [sys.executable, "-m", "tests.live"]
STARTED: dict[str, Any] = {"cwd": PROJECT_FOLDER, "stdin": subprocess.DEVNULL}
PROJECT = {"OS_PROJECT_NAME": "eu-de"}
USER = {**PROJECT, "OS_USERNAME": "tester", "OS_USER_DOMAIN_NAME": "OTC-TEST", "OS_PASSWORD": PASSWORD}
ACCESS_KEY = {
    **PROJECT,
    "OS_ACCESS_KEY": "TESTERSACCESSKEY0001",
    "OS_SECRET_KEY": "the-testers-secret-key-of-40-characters.",
}
NAMED = {
    "LIVE_ROUTER": "er-main",
    "LIVE_ATTACHMENT": "vpc-a",
    "LIVE_LOG_GROUP": "network",
    "LIVE_LOG_STREAM": FLOW,
}
AS_THE_MIRROR = Behaviour(latency=LATENCY)
SLOW = Behaviour(latency=2)  # long enough to be interrupted
UNANSWERED = Fault("hang_up", calls="POST */flow-logs", when="after")
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def environment(**variables: str) -> dict[str, str]:
    """That of this machine, without variables that choose an account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "LIVE_"))}
    return {**kept, **variables}


def settings(server: Server, **variables: str) -> dict[str, str]:
    return {"LIVE_ENDPOINT": server.url, **NAMED, **(variables or USER)}


def live(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=environment(**variables), capture_output=True, text=True, timeout=120, **STARTED
    )


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begin walks; those that still run at the end of the test are killed."""
    with ExitStack() as walks:

        def start(server: Server) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                COMMAND,
                env=environment(**settings(server)),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                **STARTED,
            )
            walks.enter_context(process)
            walks.callback(process.kill)
            return process

        yield start


def read_until_cleaning(walk: subprocess.Popen[str]) -> str:
    assert walk.stdout is not None
    out = ""
    while "cleaning up\n" not in out.replace("then cleaning up\n", ""):
        out += walk.stdout.readline()
    return out


def create_before(server: Server, name: str, *, stream: str = FLOW) -> FlowLog:
    """A flow log of vpc-a that exists before the walk."""
    attachment = server.store.attachment("vpc-a")
    new = NewFlowLog(name, "", resource_id=attachment.id, log_group_id=GROUP, log_stream_id=stream)
    id_ = server.store.flow_logs.create(server.project_id, attachment.er_id, new).id
    eventually(lambda: server.store.flow_log(id_).state == "available")
    return server.store.flow_log(id_)


# Comparing


def test_emulator_beside_itself_differs_in_nothing(serve: Serve) -> None:
    server = serve(AS_THE_MIRROR)
    done = live(settings(server))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line for line in lines if line in {step.title for step in STEPS}] == [step.title for step in STEPS]
    assert lines.count("  same") == len(STEPS) + 1  # and the lookup
    assert lines[-3:] == ["cleaning up", "  nothing is left", "26 answers compared, 0 differences"]
    assert "  pending → available, " in done.stdout
    assert "  deleting → gone, " in done.stdout
    assert server.store.flow_logs.live() == []
    assert not re.search(UUID, done.stdout)
    assert PASSWORD not in done.stdout


def test_differences_are_shown_and_are_not_a_failure(serve: Serve) -> None:
    server = serve(Behaviour(latency=LATENCY, missing_flow_log=400, client_tokens="ignore", list_lag=60))
    done = live(settings(server, OS_TOKEN=server.token, OS_PROJECT_ID=server.project_id))
    assert (done.returncode, done.stderr) == (0, "")
    show = "GET …/{router}/flow-logs/{flow_log}"
    expected = [
        "POST …/{router}/flow-logs: live answered 400 ER.04008503, the emulator 202",
        "live: refused; the emulator: answered with the first flow log",
        "POST …/{router}/flow-logs: live answered 400 ER.04008503, the emulator 400 ER.04009005",
        "the emulator has something in flow_logs, live has nothing",
        "live has 0 in page_info.current_count, the emulator 1",
        "live has 0 in total_count, the emulator 1",
        f"{show}: live answered 200 → 400 ER.04008501, the emulator 200 → 404 ER.04008501",
        f"{show}: live answered 400 ER.04008501, the emulator 404 ER.04008501",
    ]
    for difference in expected:
        assert f"  ≠ {difference}\n" in done.stdout
    summary = done.stdout.partition("answers compared, ")[2].splitlines()
    assert summary[0] == f"{len(summary) - 1} differences:"
    assert {line.strip().partition(" (")[0] for line in summary[1:]} >= set(expected)
    assert server.store.flow_logs.live() == []
    assert server.token not in done.stdout


@pytest.mark.parametrize(
    ("body", "other", "expected"),
    [
        ({"a": {"x": 60}}, {"a": {"x": 600}}, ["live has 60 in a.x, the emulator 600"]),
        ({"a": {"x": 1}}, {"a": {"x": "1"}}, ["live has a.x as number, the emulator as string"]),
        ({"a": {"x": True}}, {"a": {"x": None}}, ["live has a.x as boolean, the emulator as null"]),
        ({"a": {"log_store_name": ""}}, {"a": {}}, ["live has field a.log_store_name, the emulator has not"]),
        ({}, {"a": {"x": 1}}, ["the emulator has field a, live has not"]),
        ({"a": [{"x": 1}, {"y": 1}]}, {"a": []}, ["live has something in a, the emulator has nothing"]),
        (
            {"a": [{"x": 1}, {"x": ""}]},
            {"a": [{"x": 2}]},
            ["live has a[].x as number or string, the emulator as number"],
        ),
        ({"a": {"id": "1", "request_id": "x"}}, {"a": {"id": "2", "request_id": "y"}}, []),
        (
            {"created_at": "2026-11-23T08:15:30Z"},
            {"created_at": "2027-01-02T18:55:31.5Z"},
            ["live has '0000-00-00T00:00:00Z' in created_at, the emulator '0000-00-00T00:00:00.0Z'"],
        ),
        (None, {"a": 1}, ["the emulator has field a, live has not"]),
    ],
)
def test_answers_are_compared_field_by_field(body: Any, other: Any, expected: list[str]) -> None:
    answers = [
        group_by_call([Exchange(CREATE, status=202, body=content, has_content=content is not None)])
        for content in (body, other)
    ]
    assert list(differences(*answers)) == expected


# Opting in


def test_all_missing_variables_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "environ", environment(LIVE_ENDPOINT="http://127.0.0.1:1", LIVE_ROUTER="er-main"))
    assert main([]) == 2
    assert capsys.readouterr() == (
        "",
        "error: this walks one flow log through its life on a real account; set LIVE_ATTACHMENT (one of its"
        " attachments, by id or name), LIVE_LOG_GROUP (the log group, by id or name), LIVE_LOG_STREAM (one of its log"
        " streams, to which the attachment does not log yet, by id or name), OS_USERNAME (the IAM user; or OS_TOKEN,"
        " OS_ACCESS_KEY or OS_CLOUD, see README.md), OS_PASSWORD (the user's password), OS_USER_DOMAIN_NAME (the user's"
        " domain, such as OTC-EU-DE-…) and OS_PROJECT_NAME (the project, by name; or OS_PROJECT_ID)\n",
    )


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({**USER, "OS_USERNAME": " "}, "OS_USERNAME"),
        ({**USER, "OS_PASSWORD": ""}, "OS_PASSWORD"),
        ({**USER, "OS_USER_DOMAIN_NAME": ""}, "OS_USER_DOMAIN_NAME"),
        ({"OS_TOKEN": "t"}, "OS_PROJECT_ID"),
        ({**ACCESS_KEY, "OS_SECRET_KEY": ""}, "OS_SECRET_KEY"),
        ({**USER, "LIVE_ENDPOINT": ""}, "OS_REGION_NAME"),
        ({**USER, "LIVE_LOG_GROUP": ""}, "LIVE_LOG_GROUP"),
        ({**USER, "LIVE_ENDPOINT": "emulator"}, "LIVE_ENDPOINT: 'emulator' is not an address"),
        ({**USER, "LIVE_ENDPOINT": "http://192.0.2.1"}, "LIVE_ENDPOINT: .* would send credentials unencrypted"),
        ({**USER, "LIVE_ENDPOINT": "", "OS_REGION_NAME": "eu-xx"}, "OS_REGION_NAME: 'eu-xx' is not a region"),
    ],
)
def test_single_missing_or_invalid_variable_is_named(variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(OptInError, match=rf"(; set |^){sentence}") as raised:
        OptIn.read({"LIVE_ENDPOINT": "http://127.0.0.1:1", **NAMED, **variables})
    assert len(re.findall(r"[A-Z]_[A-Z_]+ \(", str(raised.value))) <= 1


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"LIVE_ATTACHMENT": "nothing", "LIVE_LOG_GROUP": "netwrok"},
            "LIVE_ATTACHMENT: there is no attachment of router 'er-main' with id or name 'nothing'; known:"
            " cfw-a, twin, twin, vgw-a, vpc-a, vpc-b, vpc-modifying, vpc-waiting, vpn-a; LIVE_LOG_GROUP: there is no"
            " log group with id or name 'netwrok'; known: network, security",
        ),
        ({"LIVE_ATTACHMENT": "cfw-a"}, "LIVE_ATTACHMENT: cfw-a is of type cfw, which cannot be logged"),
        ({"LIVE_ATTACHMENT": "vpc-waiting"}, "LIVE_ATTACHMENT: vpc-waiting waits for the router's owner to accept it"),
        (
            {"LIVE_LOG_STREAM": "audit"},
            "LIVE_LOG_STREAM: there is no log stream in group 'network' with id or name 'audit'; known: archive, flow",
        ),
        ({"LIVE_ATTACHMENT": "twin"}, "LIVE_ATTACHMENT: the name 'twin' matches 2 of them; use an id: "),
    ],
)
def test_place_that_cannot_be_logged_is_refused(server: Server, variables: dict[str, str], sentence: str) -> None:
    for _ in range(2):
        server.store.add_attachment("er-main", "twin")
    opt_in = OptIn.read({**settings(server), **variables})
    with pytest.raises(RefusedError) as refused:
        look_up(opt_in.client, opt_in)
    assert str(refused.value).startswith(sentence)


def test_target_of_somebody_else_is_refused(server: Server) -> None:
    other = create_before(server, f"{MARK}0123abcd-and-more")
    opt_in = OptIn.read(settings(server))
    client = opt_in.client
    place = look_up(client, opt_in)
    with pytest.raises(RefusedError) as refused:
        find_leftovers(place, flow_logs_of(client, place))
    assert str(refused.value) == (
        f"attachment vpc-a of er-main, to network/flow has flow log '{other.name}' already, id {other.id},"
        " in state available: name another attachment or another log stream"
    )


# Cleaning up


@pytest.mark.acceptance
def test_leftover_is_deleted_first_and_other_flow_logs_stay(serve: Serve) -> None:
    server = serve(AS_THE_MIRROR)
    other = create_before(server, "somebody-elses", stream=ARCHIVE)
    old = create_before(server, f"{MARK}0123abcd-renamed")
    server.faults.use(
        0,
        [
            Fault("hang_up", calls="POST */flow-logs", when="after", times=1),
            Fault("error", status=503, calls="PUT *", times=1),
        ],
    )
    done = live(settings(server, **ACCESS_KEY))
    assert (done.returncode, done.stderr) == (0, "")
    deleted = f"  deleted what an earlier walk has left behind: flow log {old.name}, id {old.id}\n"
    assert done.stdout.count(deleted) == 1
    assert re.search(r"POST …/\{router\}/flow-logs +202, 2 times, not counting no answer\n", done.stdout)
    assert re.search(r"PUT \S+ +200, 2 times, not counting 503 ER\.05039006\n", done.stdout)
    assert done.stdout.endswith("answers compared, 0 differences\n")
    assert server.store.flow_logs.live() == [other]
    assert ACCESS_KEY["OS_SECRET_KEY"] not in done.stdout


@pytest.mark.parametrize(
    ("number", "step", "state"),
    [
        (signal.SIGINT, "create", "pending"),
        pytest.param(signal.SIGTERM, "create", "pending", marks=pytest.mark.acceptance),
        pytest.param(signal.SIGHUP, "disable", "modifying", marks=pytest.mark.acceptance),
    ],
)
def test_signal_ends_the_walk_and_nothing_is_left(
    serve: Serve, begin: Begin, number: signal.Signals, step: str, state: str
) -> None:
    server = serve(SLOW)
    walk = begin(server)
    eventually(lambda: [flow_log.state for flow_log in server.store.flow_logs.live()] == [state])
    walk.send_signal(number)
    out = read_until_cleaning(walk)
    walk.send_signal(signal.SIGINT)  # does not end the cleaning
    out += walk.communicate(timeout=60)[0]
    assert walk.returncode == 128 + number
    assert "still cleaning up\n" in out
    assert f"error: stopped in the middle of: {step}\n" in out
    assert re.search(rf"  deleted flow log {MARK}\w{{8}}(-renamed)?, id {UUID}\n", out)
    assert server.store.flow_logs.live() == []


@pytest.mark.parametrize("list_lag", [0, pytest.param(3600, marks=pytest.mark.acceptance)])
def test_flow_log_of_unanswered_create_is_found_and_deleted(serve: Serve, begin: Begin, list_lag: float) -> None:
    server = serve(Behaviour(latency=0.2, list_lag=list_lag))
    server.faults.use(0, [UNANSWERED])
    walk = begin(server)
    eventually(lambda: server.faults.injected().get("hang_up", 0) >= 2)
    walk.send_signal(signal.SIGTERM)
    read_until_cleaning(walk)
    server.faults.use(0, [])
    out, _ = walk.communicate(timeout=60)
    assert walk.returncode == 128 + signal.SIGTERM
    assert re.search(rf"  deleted flow log {MARK}\w{{8}}, id {UUID}\n  nothing is left\n", out)
    assert server.store.flow_logs.live() == []


@pytest.mark.acceptance
def test_walk_cleans_up_when_its_output_is_closed(serve: Serve, begin: Begin) -> None:
    server = serve(AS_THE_MIRROR)
    walk = begin(server)
    eventually(server.store.flow_logs.live)
    assert walk.stdout is not None
    walk.stdout.close()
    assert walk.wait(timeout=60) != 0
    assert server.store.flow_logs.live() == []


@pytest.mark.acceptance
def test_failed_walk_is_reported_and_nothing_is_left(serve: Serve) -> None:
    server = serve(AS_THE_MIRROR)
    server.faults.use(0, [Fault("error", status=403, calls="POST */disable")])
    done = live(settings(server))
    assert done.returncode == 1
    assert re.fullmatch(rf"error: flow log '{MARK}\w{{8}}-renamed' \({UUID}\) exists but .*\n", done.stderr)
    assert re.search(r"  ≠ POST \S+/disable: live answered 403 \S+, the emulator 202\n", done.stdout)
    assert re.search(rf"  deleted flow log {MARK}\w{{8}}-renamed, id {UUID}\n  nothing is left\n", done.stdout)
    assert server.store.flow_logs.live() == []


@pytest.mark.acceptance
def test_undeleted_flow_log_is_named_with_the_command_to_delete_it(serve: Serve) -> None:
    server = serve(AS_THE_MIRROR)
    server.faults.use(0, [Fault("error", status=403, calls="DELETE *", skip=1)])
    done = live(settings(server))
    assert done.returncode == 1
    (left,) = server.store.flow_logs.live()
    assert (
        f"  still there: flow log {left.id}. `make live ARGS=--clean` in the same environment deletes it" in done.stdout
    )
    assert "nothing is left" not in done.stdout

    server.faults.use(0, [])
    done = live(settings(server), "--clean")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"flow log {left.name}, id {left.id}\n" in done.stdout
    assert server.store.flow_logs.live() == []


def side_of(server: Server) -> Side:
    """A side of a walk in this process."""
    client = client_of(server)
    return Side(client, record(client), {**inputs_at(target_of(server)), "name": f"{MARK}0123abcd"})


def test_second_flow_log_of_a_probe_is_deleted_at_once(
    serve: Serve, seeded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    servers = [serve(path=Path(shutil.copy(seeded, tmp_path / name))) for name in ("live", "mirror")]
    account, mirrored = map(side_of, servers)
    stop = Stop()
    walk = Walk(account, mirrored, Screen(stop), stop.requested)
    walk.go([STEPS[0]])
    servers[0].store.delete_flow_log(account.id)  # makes room for another, which the service would have to refuse
    walk.go([STEPS[3]])
    out = capsys.readouterr().out
    assert "  ≠ live: created a second flow log; the emulator: refused\n" in out
    assert re.search(rf"  deleted the second flow log of live, {UUID}\n", out)
    assert servers[0].store.flow_logs.live() == []
    assert [flow_log.id for flow_log in servers[1].store.flow_logs.live()] == [mirrored.id]
