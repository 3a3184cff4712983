"""`python -m emulator` and `python -m emulator.world`, run for real."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from emulator import Server
from tests.emulator.contract_cases import SEED
from tests.emulator.plain_client import PlainClient, body
from tests.waiting import eventually

Run = Callable[..., Any]
Command = Callable[..., "subprocess.CompletedProcess[str]"]
PROJECT_ID = "0605767a9980d5762fbcc00b3537e757"
ER_MAIN = "00000000-0000-4000-8000-000000000001"
VPC_A = "00000000-0000-4000-a000-000000000001"


def sign_in(url: str, *, user: str = "tester", password: str = "only-for-tests", domain: str = "OTC-TEST") -> str:
    identity = {
        "methods": ["password"],
        "password": {"user": {"name": user, "password": password, "domain": {"name": domain}}},
    }
    scope = {"project": {"name": "eu-de", "domain": {"name": domain}}}
    answer = requests.post(f"{url}/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
    assert answer.status_code == 201, answer.text
    return answer.headers["X-Subject-Token"]


def failure(result: subprocess.CompletedProcess[str]) -> str:
    """The one sentence on stderr of a command that gave up."""
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_the_address_is_the_first_line_and_how_to_sign_in_the_second(run_emulator: Run, tmp_path: Path) -> None:
    path = tmp_path / "emulator.db"
    process = run_emulator("--db", path, "--seed", SEED)
    assert process.first_line == f"emulator: {process.url} (db {path}, latency 2 s)"
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", process.url)
    sign_in(process.url)
    code, out, err = process.end()
    assert (code, err) == (0, "")
    assert out == (
        f"sign in at {process.url}/v3: user tester of domain OTC-TEST, project eu-de ({PROJECT_ID}), "
        f"password in {SEED}\n"
    )
    with pytest.raises(requests.ConnectionError):
        requests.get(process.url)


def test_without_options_the_demo_is_served_from_a_temporary_file(run_emulator: Run) -> None:
    process = run_emulator()
    path = Path(re.search(r"\(db (\S+), latency 2 s\)", process.first_line)[1])  # type: ignore[index]
    assert path.is_file()
    token = sign_in(process.url, user="demo", password="flow-logs-on-loopback", domain="OTC-DEMO")
    projects = requests.get(f"{process.url}/v3/projects", headers={"X-Auth-Token": token}).json()["projects"]
    client = PlainClient(process.url, token, projects[0]["id"], "-")
    assert len(client.session.get(f"{client.base}/instances").json()["instances"]) == 2
    code, out, _ = process.end()
    assert code == 0
    assert "temporary" in out
    assert not path.parent.exists()


def test_a_killed_emulator_has_lost_nothing_when_it_is_started_again(
    run_emulator: Run, db: Path, server: Server
) -> None:
    token, er_id = server.token, server.store.router("er-main").id
    first = run_emulator("--db", db, "--latency", "1")
    client = PlainClient(first.url, token, server.project_id, er_id)
    created = client.create(body("one", VPC_A), client_token="t")
    assert created["state"] == "pending"
    one = created["id"]
    first.kill()
    second = run_emulator("--db", db, "--latency", "1")
    client = PlainClient(second.url, token, server.project_id, er_id)
    eventually(lambda: client.state(one) == "available")
    assert client.create(body("one", VPC_A), client_token="t")["id"] == one
    assert client.session.delete(f"{client.flow_logs}/{one}").status_code == 202
    second.kill()
    third = run_emulator("--db", db, "--latency", "1")
    client = PlainClient(third.url, token, server.project_id, er_id)
    eventually(lambda: client.state(one) == "gone")


def test_the_switches_are_options(run_emulator: Run, tmp_path: Path) -> None:
    options = ["--missing-flow-log", "400", "--client-tokens", "ignore", "--list-lag", "60", "--latency", "0"]
    process = run_emulator("--db", tmp_path / "emulator.db", "--seed", SEED, *options)
    client = PlainClient(process.url, sign_in(process.url), PROJECT_ID, ER_MAIN)
    assert client.show("nothing").status_code == 400
    client.create(body("one", VPC_A), client_token="t")
    assert client.post_flow_log(body("one", VPC_A), client_token="t").status_code == 400
    assert client.list()["total_count"] == 0


def test_the_help_says_where_users_and_access_keys_are(command: Command) -> None:
    shown = command("emulator", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "access keys are in emulator/demo.yaml" in " ".join(shown.stdout.split())


def test_a_seed_that_comes_too_late_is_told(run_emulator: Run, db: Path) -> None:
    _, out, _ = run_emulator("--db", db, "--seed", SEED).end()
    assert "was not used" in out


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_a_host_that_is_not_loopback_is_refused(command: Command, tmp_path: Path, host: str) -> None:
    assert "loopback only" in failure(command("emulator", "--db", tmp_path / "emulator.db", "--host", host))
    assert list(tmp_path.iterdir()) == []


def test_a_busy_port_is_told(command: Command, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        sentence = failure(command("emulator", "--db", tmp_path / "emulator.db", "--port", str(port)))
    assert f"port {port}" in sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "70000"], "port 70000"),
        (["--latency", "-1"], "latency"),
        (["--seed", "missing.yaml"], "missing.yaml"),
        (["--db", "/missing/emulator.db"], "/missing/emulator.db"),
    ],
)
def test_a_wrong_option_is_told_in_one_sentence(command: Command, options: list[str], words: str) -> None:
    assert words in failure(command("emulator", *options))


def test_a_damaged_file_is_told(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "emulator.db"
    path.write_bytes(b"damaged" * 1000)
    assert f"{path} is damaged" in failure(command("emulator", "--db", path))
    assert f"{path} is damaged" in failure(command("emulator.world", "--db", path, "list"))


def test_the_world_is_listed(command: Command, db: Path, client: PlainClient) -> None:
    one = client.create(body("one", VPC_A))["id"]
    listed = command("emulator.world", "--db", db, "list").stdout
    assert f"router er-main  {ER_MAIN}  available" in listed
    assert re.search(rf"vpc-a +vpc +available +1 +env=prod,team=shop +{VPC_A}\n", listed)
    assert "log group network" in listed
    assert "quota flow_log in project eu-de: 1 used, of 4" in listed
    flow_logs = command("emulator.world", "--db", db, "flow-logs").stdout
    assert re.search(rf"one +available +yes +er-main +vpc-a +{one}\n", flow_logs)


def test_the_world_is_edited_while_an_emulator_serves_it(
    command: Command, db: Path, server: Server, client: PlainClient
) -> None:
    def edit(*arguments: str) -> str:
        result = command("emulator.world", "--db", db, *arguments)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    one = client.create(body("one", VPC_A))["id"]
    assert "added attachment vpc-new to er-main" in edit(
        "add-attachment", "er-main", "vpc-new", "--type", "vpn", "--tag", "env=lab", "--tag", "team=x"
    )
    added = server.store.attachment("vpc-new")
    assert (added.resource_type, added.tags) == ("vpn", {"env": "lab", "team": "x"})
    edit("rename-attachment", "vpc-new", "vpn-new")
    edit("tag-attachment", "vpn-new", "env=prod")
    edit("set-attachment-state", "vpn-new", "rejected")
    changed = server.store.attachment("vpn-new")
    assert (changed.id, changed.state, changed.tags) == (added.id, "rejected", {"env": "prod"})
    edit("add-router", "er-new")
    edit("set-router-state", "er-new", "failed")
    assert server.store.router("er-new").state == "failed"
    edit("add-log-group", "lab")
    edit("add-log-stream", "lab", "first")
    assert server.store.log_tank.streams(PROJECT_ID, server.store.log_group("lab").id)[0].name == "first"
    edit("set-quota", "-1")
    assert server.store.quotas.of(PROJECT_ID).limit == -1
    edit("rename-flow-log", "one", "two")
    edit("describe-flow-log", "two", "by hand")
    edit("disable-flow-log", one)
    shown = client.show(one).json()["flow_log"]
    assert (shown["name"], shown["description"], shown["enabled"]) == ("two", "by hand", False)
    edit("enable-flow-log", "two")
    edit("set-flow-log-state", "two", "failed")
    assert client.show(one).json()["flow_log"]["enabled"] is True
    assert client.state(one) == "failed"
    assert "left as it is" in edit("remove-attachment", "vpc-a")
    assert "(gone)" in edit("flow-logs")
    edit("delete-flow-log", "two")
    assert client.state(one) == "gone"


def test_users_get_roles_and_policies(command: Command, db: Path, client: PlainClient, tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(
        '{"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["er:flowlogs:*"]}]}', encoding="utf-8"
    )

    def may() -> tuple[bool, ...]:
        urls = (client.flow_logs, f"{client.base}/quotas")
        return (
            client.post_flow_log({}).status_code != 403,
            *(client.session.get(url).status_code == 200 for url in urls),
        )

    assert may() == (True, True, True)
    result = command("emulator.world", "--db", db, "set-policy", "tester", policy)
    assert (result.stdout, result.stderr) == (f"user tester may do what {policy} says\n", "")
    assert may() == (True, True, False)
    assert command("emulator.world", "--db", db, "set-role", "tester", "reader").stdout == "user tester is a reader\n"
    assert may() == (False, True, True)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (None, "Cannot read the policy {path}: No such file or directory."),
        (b"\xff", "The policy {path} is not valid JSON: "),
        (b'{"Version": "1.1", "Version": "1.1"}', "The policy {path} is not valid JSON: an object repeats a key."),
        (b'{"Version": "1.1"}', "The policy: the document has no Statement."),
    ],
)
def test_a_wrong_policy_is_told_and_changes_nothing(
    command: Command, server: Server, db: Path, tmp_path: Path, written: bytes | None, complaint: str
) -> None:
    path = tmp_path / "policy.json"
    if written is not None:
        path.write_bytes(written)
    sentence = failure(command("emulator.world", "--db", db, "set-policy", "tester", path))
    assert sentence.startswith(complaint.format(path=path))
    assert server.store.identity.users()[0].role == "writer"


@pytest.mark.parametrize("way", ["leave", "remove", "refuse"])
def test_an_attachment_is_removed_as_the_switch_says(command: Command, db: Path, client: PlainClient, way: str) -> None:
    one = client.create(body("one", VPC_A))["id"]
    result = command("emulator.world", "--db", db, "remove-attachment", "vpc-a", "--attachment-deleted", way)
    assert client.state(one) == ("gone" if way == "remove" else "available")
    if way == "refuse":
        assert "one" in failure(result)
    else:
        assert "removed attachment vpc-a" in result.stdout


def test_an_unknown_name_lists_the_candidates(command: Command, db: Path) -> None:
    sentence = failure(command("emulator.world", "--db", db, "remove-attachment", "vpc-x"))
    assert "vpc-a, vpc-b" in sentence
    assert "er-main" in failure(command("emulator.world", "--db", db, "add-attachment", "er-x", "vpc-x"))
    assert "none at all" in failure(command("emulator.world", "--db", db, "delete-flow-log", "x"))


def test_a_name_that_two_things_share_asks_for_the_id(command: Command, db: Path, server: Server) -> None:
    added = server.store.add_attachment("er-second", "vpc-a")
    sentence = failure(command("emulator.world", "--db", db, "remove-attachment", "vpc-a"))
    assert VPC_A in sentence
    assert added in sentence


def test_a_world_that_is_not_there_is_not_made(command: Command, tmp_path: Path) -> None:
    assert "start an emulator" in failure(command("emulator.world", "--db", tmp_path / "emulator.db", "list"))
    assert list(tmp_path.iterdir()) == []


def test_a_quota_below_none_is_refused(command: Command, db: Path) -> None:
    assert "-2" in failure(command("emulator.world", "--db", db, "set-quota", "-2"))


def test_gaps_are_a_table_and_an_exit_code(command: Command, db: Path, client: PlainClient) -> None:
    one = client.create(body("one", VPC_A))["id"]
    unbroken = command("emulator.world", "--db", db, "gaps", "vpc-a")
    assert (unbroken.returncode, unbroken.stdout, unbroken.stderr) == (0, "no gaps\n", "")

    for action in ("disable", "enable"):
        assert client.session.post(f"{client.flow_logs}/{one}/{action}").status_code == 202
    broken = command("emulator.world", "--db", db, "gaps", VPC_A)
    assert (broken.returncode, broken.stderr) == (1, "")
    headings, row = (line.split() for line in broken.stdout.splitlines())
    assert headings == ["ATTACHMENT", "FROM", "TO", "SECONDS"]
    name, begin, end, seconds = row
    gap_begin, gap_end = (datetime.strptime(instant, "%Y-%m-%dT%H:%M:%S.%fZ") for instant in (begin, end))
    assert (name, float(seconds)) == ("vpc-a", (gap_end - gap_begin).total_seconds())

    around = command("emulator.world", "--db", db, "gaps", "--since", begin, "--until", end, "vpc-a")
    assert (around.returncode, around.stdout) == (1, broken.stdout)
    after = command("emulator.world", "--db", db, "gaps", "--since", end, "vpc-a")
    assert (after.returncode, after.stdout) == (0, "no gaps\n")


def test_gaps_are_those_of_all_attachments_unless_some_are_named(command: Command, db: Path, server: Server) -> None:
    shared = server.store.add_attachment("er-second", "vpc-b")
    everything = command("emulator.world", "--db", db, "gaps", "--since", "2h")
    assert everything.returncode == 1
    # Where two have one name, the id tells which is meant.
    assert [line.split()[0] for line in everything.stdout.splitlines()[1:]] == [
        *("cfw-a", "vgw-a", "vpc-a", "00000000-0000-4000-a000-000000000002", "vpc-modifying", "vpc-waiting", "vpn-a"),
        *(shared, "vpc-second"),
    ]
    some = command("emulator.world", "--db", db, "gaps", "vpn-a", "vpc-a", "--since", "10m")
    assert [line.split()[0] for line in some.stdout.splitlines()[1:]] == ["vpc-a", "vpn-a"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "yesterday"], "'yesterday' is not a time: write it in UTC, as 2026-11-23T10:00:00Z"),
        (["--until", "10"], "'10' is not a time"),
        (["--since", "1h", "--until", "2h"], "choose an earlier beginning or a later end"),
        (["vpc-x"], "There is no attachment 'vpc-x'; there are: "),
    ],
)
def test_gaps_that_cannot_be_looked_for_are_told(command: Command, db: Path, arguments: list[str], words: str) -> None:
    assert words in failure(command("emulator.world", "--db", db, "gaps", *arguments))
