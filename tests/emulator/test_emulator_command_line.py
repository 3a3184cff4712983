"""`python -m emulator` and `python -m emulator.world`: their options, what they print, and how they fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import requests
from keystoneauth1 import session
from keystoneauth1.identity import v3

from emulator import Behaviour, EmulatorError, Server
from emulator.__main__ import main as run_main
from emulator.admin import main as run_admin
from tests.emulator.contract_cases import SEED
from tests.emulator.plain_client import PlainClient, body
from tests.waiting import eventually

Run = Callable[..., Any]
Command = Callable[..., CompletedProcess[str]]
PROJECT_ID = "0605767a9980d5762fbcc00b3537e757"
ER_MAIN = "00000000-0000-4000-8000-000000000001"
VPC_A = "00000000-0000-4000-a000-000000000001"


@pytest.fixture
def admin(db: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Call the command `python -m emulator.world` on the test's file."""

    def run(*arguments: str | Path) -> CompletedProcess[str]:
        code = run_admin(["--db", str(db), *map(str, arguments)])
        return CompletedProcess(arguments, code, *capsys.readouterr())

    return run


@pytest.fixture
def flow_log(client: PlainClient) -> str:
    """The id of the flow log `one` of vpc-a."""
    return str(client.create(body("one", VPC_A))["id"])


def sign_in(url: str, *, user: str = "tester", password: str = "only-for-tests", domain: str = "OTC-TEST") -> str:
    credentials: dict[str, Any] = {"username": user, "password": password, "user_domain_name": domain}
    plugin = v3.Password(f"{url}/v3", **credentials, project_name="eu-de", project_domain_name=domain)
    return str(session.Session(auth=plugin).get_token())


def failure(result: CompletedProcess[str]) -> str:
    """The one sentence on stderr of a command that failed."""
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: ")
    return result.stderr.removeprefix("error: ")


# python -m emulator


def test_first_lines_are_the_address_and_how_to_sign_in(run_emulator: Run, tmp_path: Path) -> None:
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


def test_without_options_the_demo_is_in_a_temporary_file(run_emulator: Run) -> None:
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


def test_killed_emulator_has_lost_nothing_when_restarted(run_emulator: Run, db: Path, server: Server) -> None:
    def start() -> tuple[Any, PlainClient]:
        process = run_emulator("--db", db, "--latency", "1")
        return process, PlainClient(process.url, server.token, server.project_id, ER_MAIN)

    process, client = start()
    created = client.create(body("one", VPC_A), client_token="t")
    assert created["state"] == "pending"
    process.kill()
    _, client = start()
    eventually(lambda: client.state(created["id"]) == "available")
    assert client.create(body("one", VPC_A), client_token="t")["id"] == created["id"]


def test_behaviour_is_chosen_by_options_and_unused_seed_is_reported(run_emulator: Run, db: Path) -> None:
    options = ["--missing-flow-log", "400", "--client-tokens", "ignore", "--list-lag", "60", "--latency", "0"]
    process = run_emulator("--db", db, "--seed", SEED, *options)
    client = PlainClient(process.url, sign_in(process.url), PROJECT_ID, ER_MAIN)
    assert client.show("nothing").status_code == 400
    client.create(body("one", VPC_A), client_token="t")
    assert client.post_flow_log(body("one", VPC_A), client_token="t").status_code == 400
    assert client.list()["total_count"] == 0
    assert f"the database is not empty: the seed file {SEED} was not used\n" in process.end()[1]


def test_help_names_the_file_of_users_and_access_keys(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        run_main(["--help"])
    assert "access keys are in emulator/demo.yaml" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_host_that_is_not_loopback_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(EmulatorError, match="loopback only"):
        Server(tmp_path / "emulator.db", seed=SEED, behaviour=Behaviour(), host=host, port=0, threads=1)
    assert list(tmp_path.iterdir()) == []


def test_invalid_option_is_refused_in_one_sentence(command: Command, tmp_path: Path) -> None:
    assert "port 70000" in failure(command("emulator", "--db", tmp_path / "emulator.db", "--port", "70000"))


# python -m emulator.world


def test_contents_are_listed(admin: Command, flow_log: str) -> None:
    listed = admin("list").stdout
    assert f"router er-main  {ER_MAIN}  available" in listed
    assert re.search(rf"vpc-a +vpc +available +1 +env=prod,team=shop +{VPC_A}\n", listed)
    assert "log group network" in listed
    assert "quota flow_log in project eu-de: 1 used, of 4" in listed
    assert re.search(rf"one +available +yes +er-main +vpc-a +{flow_log}\n", admin("flow-logs").stdout)


def test_contents_are_changed_while_an_emulator_serves_them(
    admin: Command, server: Server, client: PlainClient, flow_log: str
) -> None:
    def change(*arguments: str) -> str:
        result = admin(*arguments)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    assert "added attachment vpc-new to er-main" in change(
        "add-attachment", "er-main", "vpc-new", "--type", "vpn", "--tag", "env=lab", "--tag", "team=x"
    )
    added = server.store.attachment("vpc-new")
    assert (added.resource_type, added.tags) == ("vpn", {"env": "lab", "team": "x"})
    change("rename-attachment", "vpc-new", "vpn-new")
    change("tag-attachment", "vpn-new", "env=prod")
    change("set-attachment-state", "vpn-new", "rejected")
    changed = server.store.attachment("vpn-new")
    assert (changed.id, changed.state, changed.tags) == (added.id, "rejected", {"env": "prod"})
    change("add-router", "er-new")
    change("set-router-state", "er-new", "failed")
    assert server.store.router("er-new").state == "failed"
    change("add-log-group", "lab")
    change("add-log-stream", "lab", "first")
    assert server.store.log_tank.streams(PROJECT_ID, server.store.log_group("lab").id)[0].name == "first"
    change("set-quota", "-1")
    assert server.store.quotas.of(PROJECT_ID).limit == -1
    change("rename-flow-log", "one", "two")
    change("describe-flow-log", "two", "by hand")
    change("disable-flow-log", flow_log)
    shown = client.show(flow_log).json()["flow_log"]
    assert (shown["name"], shown["description"], shown["enabled"]) == ("two", "by hand", False)
    change("enable-flow-log", "two")
    change("set-flow-log-state", "two", "failed")
    assert client.show(flow_log).json()["flow_log"]["enabled"] is True
    assert client.state(flow_log) == "failed"
    assert "left as it is" in change("remove-attachment", "vpc-a")
    assert "(gone)" in change("flow-logs")
    change("delete-flow-log", "two")
    assert client.state(flow_log) == "gone"


def test_users_get_roles_and_policies(admin: Command, server: Server, tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["er:flowlogs:*"]}]}')
    assert admin("set-policy", "tester", policy).stdout == f"user tester has the policy {policy}\n"
    user = server.store.identity.users()[0]
    assert (user.role, user.policy.allows("er:flowlogs:create")) == (None, True)
    assert not user.policy.allows("er:quotas:list")
    assert admin("set-role", "tester", "reader").stdout == "user tester has the role reader\n"
    assert server.store.identity.users()[0].role == "reader"


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        (None, "Cannot read the policy {path}: No such file or directory."),
        (b'{"Version": "1.1", "Version": "1.1"}', "The policy {path} is not valid JSON: an object repeats a key."),
        (b'{"Version": "1.1"}', "The policy: the document has no Statement."),
    ],
)
def test_invalid_policy_is_refused_and_changes_nothing(
    admin: Command, server: Server, tmp_path: Path, contents: bytes | None, complaint: str
) -> None:
    path = tmp_path / "policy.json"
    if contents is not None:
        path.write_bytes(contents)
    assert failure(admin("set-policy", "tester", path)).startswith(complaint.format(path=path))
    assert server.store.identity.users()[0].role == "writer"


@pytest.mark.parametrize(
    ("choice", "message"), [("remove", r"its flow log one \(\S+\) was removed"), ("refuse", "refuses to delete")]
)
def test_attachment_is_removed_as_chosen(
    admin: Command, client: PlainClient, flow_log: str, choice: str, message: str
) -> None:
    result = admin("remove-attachment", "vpc-a", "--attachment-deleted", choice)
    assert re.search(message, result.stdout if choice == "remove" else failure(result))
    assert client.state(flow_log) == ("gone" if choice == "remove" else "available")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["remove-attachment", "vpc-x"], "There is no attachment 'vpc-x'; known: cfw-a, vgw-a, vpc-a, vpc-b, "),
        (["add-attachment", "er-x", "vpc-x"], "There is no router 'er-x'; known: er-elsewhere, er-main, "),
        (["delete-flow-log", "x"], "There is no flow log 'x'; known: none."),
        (["remove-attachment", "vpc-second"], "There are 2 attachments named 'vpc-second'; use an id: "),
        (["set-quota", "-2"], "not -2"),
        (["gaps", "--since", "yesterday"], "'yesterday' is not a time: write it in UTC, as 2026-11-23T10:00:00Z"),
        (["gaps", "--since", "1h", "--until", "2h"], "choose an earlier beginning or a later end"),
        (["gaps", "vpc-x"], "There is no attachment 'vpc-x'; known: "),
    ],
)
def test_invalid_argument_is_refused_in_one_sentence(
    admin: Command, server: Server, arguments: list[str], words: str
) -> None:
    server.store.add_attachment("er-main", "vpc-second")
    assert words in failure(admin(*arguments))


def test_missing_database_is_not_created(command: Command, tmp_path: Path) -> None:
    assert "start an emulator" in failure(command("emulator.world", "--db", tmp_path / "emulator.db", "list"))
    assert list(tmp_path.iterdir()) == []


def test_gaps_are_a_table_and_an_exit_code(admin: Command, client: PlainClient, flow_log: str) -> None:
    result = admin("gaps", "vpc-a")
    assert (result.returncode, result.stdout, result.stderr) == (0, "no gaps\n", "")

    for action in ("disable", "enable"):
        assert client.session.post(f"{client.flow_logs}/{flow_log}/{action}").status_code == 202
    result = admin("gaps", VPC_A)
    assert (result.returncode, result.stderr) == (1, "")
    headings, row = (line.split() for line in result.stdout.splitlines())
    assert headings == ["ATTACHMENT", "FROM", "TO", "SECONDS"]
    name, begin, end, seconds = row
    gap_begin, gap_end = (datetime.strptime(instant, "%Y-%m-%dT%H:%M:%S.%fZ") for instant in (begin, end))
    assert (name, float(seconds)) == ("vpc-a", (gap_end - gap_begin).total_seconds())
    assert admin("gaps", "--since", begin, "--until", end, "vpc-a").stdout == result.stdout
    assert admin("gaps", "--since", end, "vpc-a").stdout == "no gaps\n"


def test_attachment_whose_name_is_not_unique_is_shown_by_its_id(admin: Command, server: Server) -> None:
    added = server.store.add_attachment("er-second", "vpc-b")
    result = admin("gaps", "--since", "2h")
    assert result.returncode == 1
    shown = [line.split()[0] for line in result.stdout.splitlines()[1:]]
    assert shown[3:9] == [
        "00000000-0000-4000-a000-000000000002",
        "vpc-modifying",
        "vpc-waiting",
        "vpn-a",
        added,
        "vpc-second",
    ]


def test_tables_fit_a_terminal_of_80_columns(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.store.add_attachment("er-main", "vpc-of-the-data-platform", tags={"env": "prod", "team": "data-platform"})
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    assert run_admin(["--db", str(server.store.path), "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert "  Without ID: the terminal is too narrow." in lines
