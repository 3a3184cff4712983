"""`python -m tests.live`, run for real: an emulator, whose world nobody mirrored, stands in for the account."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import Behaviour, Server
from emulator.faults.plan import Fault
from emulator.flow_logs import FlowLog, NewFlowLog
from providers.er import Client, Endpoints
from providers.er.auth.token import TokenCredentials
from providers.er.flow_logs import FlowLogTarget
from tests.emulator.process import PROJECT_FOLDER
from tests.live.comparison import by_call, differences
from tests.live.journal import CREATE, Exchange, recorded
from tests.live.mirror import LATENCY
from tests.live.opt_in import OptIn, OptInError
from tests.live.place import MARK
from tests.live.screen import Screen, Stop
from tests.live.sides import Side, inputs_at
from tests.live.walk import STEPS, Walk
from tests.waiting import eventually

Serve = Callable[..., Server]
PASSWORD = "only-for-tests"
USER = {
    "OS_USERNAME": "tester",
    "OS_USER_DOMAIN_NAME": "OTC-TEST",
    "OS_PASSWORD": PASSWORD,
    "OS_PROJECT_NAME": "eu-de",
}
ACCESS_KEY = {
    "OS_ACCESS_KEY": "TESTERSACCESSKEY0001",
    "OS_SECRET_KEY": "the-testers-secret-key-of-40-characters.",
    "OS_PROJECT_NAME": "eu-de",
}
NAMED = {
    "LIVE_ROUTER": "er-main",
    "LIVE_ATTACHMENT": "vpc-a",
    "LIVE_LOG_GROUP": "network",
    "LIVE_LOG_STREAM": "00000000-0000-4000-b000-000000000011",
}
AS_THE_MIRROR = Behaviour(latency=LATENCY)
SLOW = Behaviour(latency=2)  # long enough to be interrupted
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
LINES = 30.0  # seconds within which a line is to be printed


def environment(**variables: str) -> dict[str, str]:
    """That of this machine, less what says who is acting and where."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "LIVE_"))}
    return {**kept, **variables}


def asking_for(server: Server, **variables: str) -> dict[str, str]:
    return environment(**{"LIVE_ENDPOINT": server.url, **NAMED, **(variables or USER)})


def live(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.live", *arguments],
        cwd=PROJECT_FOLDER,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def begin() -> Iterator[Callable[[dict[str, str]], subprocess.Popen[str]]]:
    """Begin walks; what still runs at the end of the test is killed."""
    begun: list[subprocess.Popen[str]] = []

    def start(variables: dict[str, str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.live"],
            cwd=PROJECT_FOLDER,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        with process:
            process.kill()


def someones(server: Server, name: str, *, stream: str = NAMED["LIVE_LOG_STREAM"]) -> FlowLog:
    """A flow log of the attachment that is there before."""
    attachment = server.store.attachment("vpc-a")
    new = NewFlowLog(
        name=name,
        description="",
        resource_id=attachment.id,
        log_group_id="00000000-0000-4000-b000-000000000001",
        log_stream_id=stream,
    )
    made = server.store.flow_logs.create(server.project_id, attachment.er_id, new)
    eventually(lambda: server.store.flow_log(made.id).state == "available")
    return server.store.flow_log(made.id)


def changing_requests(server: Server) -> list[str]:
    return [call for call in server.requests.read() if not call.startswith("GET") and "/auth/" not in call]


def test_beside_itself_the_emulator_answers_the_same_everywhere_and_nothing_is_left(serve: Serve) -> None:
    server = serve(AS_THE_MIRROR)
    done = live(asking_for(server))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line for line in lines if line in {step.title for step in STEPS}] == [step.title for step in STEPS]
    assert lines.count("  same") == len(STEPS) + 1  # and the looking up
    assert lines[-3:] == ["cleaning up", "  nothing is left", "26 answers compared, 0 differences"]
    assert "  pending → available, " in done.stdout
    assert "  deleting → gone, " in done.stdout
    assert server.store.flow_logs.live() == []
    assert not re.search(UUID, done.stdout)
    assert PASSWORD not in done.stdout


def test_what_the_account_answers_otherwise_is_told_and_is_no_failure(serve: Serve) -> None:
    server = serve(Behaviour(latency=LATENCY, missing_flow_log=400, client_tokens="ignore", list_lag=60))
    done = live(asking_for(server, OS_TOKEN=server.token, OS_PROJECT_ID=server.project_id))
    assert (done.returncode, done.stderr) == (0, "")
    show, list_ = "GET …/{router}/flow-logs/{flow_log}", "current_count"
    expected = [
        "POST …/{router}/flow-logs: live answered 400 ER.04008503, the emulator 202",
        "live: refused; the emulator: answered with the first flow log",
        "POST …/{router}/flow-logs: live answered 400 ER.04008503, the emulator 400 ER.04009005",
        "the emulator has something in flow_logs, live has nothing",
        f"live has 0 in page_info.{list_}, the emulator 1",
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


@pytest.mark.acceptance
def test_a_leftover_is_deleted_first_and_what_else_the_attachment_has_stays(serve: Serve) -> None:
    server = serve(AS_THE_MIRROR)
    other = someones(server, "somebody-elses", stream="00000000-0000-4000-b000-000000000012")
    old = someones(server, f"{MARK}0123abcd-renamed")
    server.faults.use(
        0,
        [
            Fault("hang_up", calls="POST */flow-logs", when="after", times=1),
            Fault("error", status=503, calls="PUT *", times=1),
        ],
    )
    done = live(asking_for(server, **ACCESS_KEY))
    assert (done.returncode, done.stderr) == (0, "")
    deleted = f"  deleted what an earlier walk has left behind: flow log {old.name}, id {old.id}\n"
    assert done.stdout.count(deleted) == 1
    assert re.search(r"POST …/\{router\}/flow-logs +202, 2 times, not counting no answer\n", done.stdout)
    assert re.search(r"PUT \S+ +200, 2 times, not counting 503 ER\.05039006\n", done.stdout)
    assert done.stdout.endswith("answers compared, 0 differences\n")
    assert server.store.flow_logs.live() == [other]
    assert ACCESS_KEY["OS_SECRET_KEY"] not in done.stdout


def test_a_target_that_is_somebody_elses_is_refused_and_left_alone(serve: Serve) -> None:
    server = serve(Behaviour(latency=0))
    other = someones(server, f"{MARK}0123abcd-and-more")
    done = live(asking_for(server))
    assert done.returncode == 1
    assert done.stderr == (
        f"error: attachment vpc-a of er-main, to network/flow has flow log '{other.name}' already, id {other.id},"
        " in state available: name another attachment or another log stream\n"
    )
    assert server.store.flow_logs.live() == [other]
    assert changing_requests(server) == []


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"LIVE_ATTACHMENT": "nothing", "LIVE_LOG_GROUP": "netwrok"},
            "LIVE_ATTACHMENT: there is no attachment of router 'er-main' with id or name 'nothing'; there are:"
            " cfw-a, vgw-a, vpc-a, vpc-b, vpc-modifying, vpc-waiting, vpn-a; LIVE_LOG_GROUP: there is no log group with"
            " id or name 'netwrok'; there are: network, security",
        ),
        ({"LIVE_ATTACHMENT": "cfw-a"}, "LIVE_ATTACHMENT: cfw-a is of type cfw, which cannot be logged"),
        (
            {"LIVE_ATTACHMENT": "vpc-waiting"},
            "LIVE_ATTACHMENT: vpc-waiting waits for the router's owner to accept it",
        ),
        (
            {"LIVE_LOG_STREAM": "audit"},
            "LIVE_LOG_STREAM: there is no log stream in group 'network' with id or name 'audit'; there are: archive,"
            " flow",
        ),
        ({"LIVE_ATTACHMENT": "twin"}, "LIVE_ATTACHMENT: the name 'twin' fits 2 of them; use an id: "),
    ],
)
def test_what_cannot_be_walked_is_refused_with_all_candidates(
    serve: Serve, variables: dict[str, str], sentence: str
) -> None:
    server = serve(Behaviour(latency=0))
    if variables.get("LIVE_ATTACHMENT") == "twin":
        for _ in range(2):
            server.store.add_attachment("er-main", "twin")
    done = live({**asking_for(server), **variables})
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {sentence}")
    assert done.stderr.count("\n") == 1
    assert changing_requests(server) == []


def test_all_that_is_not_set_is_said_at_once_and_nothing_is_sent(server: Server) -> None:
    done = live(environment(LIVE_ENDPOINT=server.url, LIVE_ROUTER="er-main"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: this walks one flow log through its life on a real account; set LIVE_ATTACHMENT (one of its"
        " attachments, by id or name), LIVE_LOG_GROUP (the log group, by id or name), LIVE_LOG_STREAM (one of its log"
        " streams, to which the attachment does not log yet, by id or name), OS_USERNAME (the IAM user; or OS_TOKEN,"
        " OS_ACCESS_KEY or OS_CLOUD, see README.md), OS_PASSWORD (the user's password), OS_USER_DOMAIN_NAME (the user's"
        " domain, such as OTC-EU-DE-…) and OS_PROJECT_NAME (the project, by name; or OS_PROJECT_ID)\n"
    )
    assert server.requests.read() == {}


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
        ({**USER, "LIVE_ENDPOINT": "", "OS_REGION_NAME": "eu-xx"}, "OS_REGION_NAME: there is no region 'eu-xx'"),
    ],
)
def test_one_thing_that_is_missing_or_wrong_is_named_alone(variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(OptInError, match=rf"(; set |^){sentence}") as raised:
        OptIn.read({"LIVE_ENDPOINT": "http://127.0.0.1:1", **NAMED, **variables})
    assert len(re.findall(r"[A-Z]_[A-Z_]+ \(", str(raised.value))) <= 1


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (signal.SIGINT, "create"),
        pytest.param(signal.SIGTERM, "create", marks=pytest.mark.acceptance),
        pytest.param(signal.SIGHUP, "disable", marks=pytest.mark.acceptance),
    ],
)
def test_a_signal_ends_the_walk_and_nothing_is_left(
    serve: Serve, begin: Callable[..., subprocess.Popen[str]], number: signal.Signals, step: str
) -> None:
    server = serve(SLOW)
    state = {"create": "pending", "disable": "modifying"}[step]
    walk = begin(asking_for(server))
    eventually(lambda: [one.state for one in server.store.flow_logs.live()] == [state])
    walk.send_signal(number)
    out, _ = walk.communicate(timeout=60)
    assert walk.returncode == 128 + number
    assert f"error: stopped in the middle of: {step}\n" in out
    assert re.search(rf"cleaning up\n(  waiting .*\n)*  deleted flow log {MARK}\w{{8}}(-renamed)?, id {UUID}\n", out)
    assert server.store.flow_logs.live() == []


@pytest.mark.acceptance
def test_a_second_signal_does_not_end_the_cleaning_up(
    serve: Serve, begin: Callable[..., subprocess.Popen[str]]
) -> None:
    server = serve(SLOW)
    walk = begin(asking_for(server))
    eventually(server.store.flow_logs.live)
    walk.send_signal(signal.SIGINT)
    assert walk.stdout is not None
    out = ""
    while "cleaning up\n" not in out.replace("then cleaning up\n", ""):
        out += walk.stdout.readline()
    walk.send_signal(signal.SIGINT)
    out += walk.stdout.read()
    assert walk.wait(timeout=60) == 128 + signal.SIGINT
    assert "still cleaning up\n" in out
    assert server.store.flow_logs.live() == []


def test_a_create_of_which_nobody_knows_the_end_is_found_and_deleted(
    serve: Serve, begin: Callable[..., subprocess.Popen[str]]
) -> None:
    server = serve(Behaviour(latency=0.2))
    server.faults.use(0, [Fault("hang_up", calls="POST */flow-logs", when="after")])
    walk = begin(asking_for(server))
    eventually(lambda: server.faults.injected().get("hang_up", 0) >= 2)
    walk.send_signal(signal.SIGTERM)
    out, _ = walk.communicate(timeout=60)
    assert walk.returncode == 128 + signal.SIGTERM
    assert re.search(rf"  deleted flow log {MARK}\w{{8}}, id {UUID}\n  nothing is left\n", out)
    assert server.store.flow_logs.live() == []


@pytest.mark.acceptance
def test_what_no_list_shows_either_is_told_by_its_token(
    serve: Serve, begin: Callable[..., subprocess.Popen[str]]
) -> None:
    server = serve(Behaviour(latency=0.2, list_lag=3600))
    server.faults.use(0, [Fault("hang_up", calls="POST */flow-logs", when="after")])
    walk = begin(asking_for(server))
    eventually(lambda: server.faults.injected().get("hang_up", 0) >= 2)
    walk.send_signal(signal.SIGTERM)
    assert walk.stdout is not None
    out = ""
    while "cleaning up\n" not in out.replace("then cleaning up\n", ""):
        out += walk.stdout.readline()
    server.faults.use(0, [])
    out += walk.stdout.read()
    assert walk.wait(timeout=60) == 128 + signal.SIGTERM
    assert re.search(rf"  deleted flow log {MARK}\w{{8}}, id {UUID}\n  nothing is left\n", out)
    assert server.store.flow_logs.live() == []


@pytest.mark.acceptance
def test_nobody_has_to_read_for_it_to_clean_up(serve: Serve, begin: Callable[..., subprocess.Popen[str]]) -> None:
    server = serve(AS_THE_MIRROR)
    walk = begin(asking_for(server))
    eventually(server.store.flow_logs.live)
    assert walk.stdout is not None
    walk.stdout.close()
    assert walk.wait(timeout=60) != 0
    assert server.store.flow_logs.live() == []


@pytest.mark.acceptance
def test_a_walk_that_fails_says_so_and_leaves_nothing(serve: Serve) -> None:
    server = serve(AS_THE_MIRROR)
    server.faults.use(0, [Fault("error", status=403, calls="POST */disable")])
    done = live(asking_for(server))
    assert done.returncode == 1
    assert re.fullmatch(rf"error: flow log '{MARK}\w{{8}}-renamed' \({UUID}\) exists but .*\n", done.stderr)
    assert re.search(r"  ≠ POST \S+/disable: live answered 403 \S+, the emulator 202\n", done.stdout)
    assert re.search(rf"  deleted flow log {MARK}\w{{8}}-renamed, id {UUID}\n  nothing is left\n", done.stdout)
    assert server.store.flow_logs.live() == []


@pytest.mark.acceptance
def test_what_cannot_be_deleted_is_named_with_the_command_that_does_it_later(serve: Serve) -> None:
    server = serve(AS_THE_MIRROR)
    server.faults.use(0, [Fault("error", status=403, calls="DELETE *", skip=1)])
    done = live(asking_for(server))
    assert done.returncode == 1
    (left,) = server.store.flow_logs.live()
    assert (
        f"  still there: flow log {left.id}. `make live ARGS=--clean` in the same environment deletes it" in done.stdout
    )
    assert "nothing is left" not in done.stdout

    server.faults.use(0, [])
    done = live(asking_for(server), "--clean")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"flow log {left.name}, id {left.id}\n" in done.stdout
    assert server.store.flow_logs.live() == []


def side(server: Server, name: str) -> Side:
    """A side of a walk on the test's world."""
    client = Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url))
    attachment = server.store.attachment("vpc-a")
    target = FlowLogTarget(
        er_id=attachment.er_id,
        resource_id=attachment.id,
        log_group_id="00000000-0000-4000-b000-000000000001",
        log_stream_id=NAMED["LIVE_LOG_STREAM"],
    )
    return Side(client, recorded(client), {**inputs_at(target), "name": name})


def test_a_second_flow_log_that_a_probe_makes_is_deleted_at_once(
    serve: Serve, seeded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    servers = [serve(path=Path(shutil.copy(seeded, tmp_path / name))) for name in ("live", "beside")]
    ours, beside = (side(server, f"{MARK}0123abcd") for server in servers)
    stop = Stop()
    walk = Walk(ours, beside, Screen(stop), stop.asked)
    create, probe = STEPS[0], STEPS[3]
    walk.go([create])
    servers[0].store.delete_flow_log(ours.id)  # makes room for another, where the service would have to refuse
    walk.go([probe])
    out = capsys.readouterr().out
    assert "  ≠ live: made a second flow log; the emulator: refused\n" in out
    assert re.search(rf"  deleted the second flow log of live, {UUID}\n", out)
    assert servers[0].store.flow_logs.live() == []
    assert [one.id for one in servers[1].store.flow_logs.live()] == [beside.id]


def answered(body: dict[str, Any] | None, status: int = 202) -> Exchange:
    content = "" if body is None else json.dumps(body)
    return Exchange(CREATE, status=status, body=json.loads(content) if content else None, has_content=bool(content))


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
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
def test_answers_are_compared_field_by_field(ours: Any, theirs: Any, expected: list[str]) -> None:
    assert list(differences(by_call([answered(ours)]), by_call([answered(theirs)]))) == expected
