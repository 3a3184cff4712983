"""Passwords and tokens are in no output, log, state or file of a project, even where Pulumi logs all that it can."""

from __future__ import annotations

import base64
import gzip
import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.harness import QUICK, Cloud, Project, on_one_line, serving
from tests.e2e.secret_search import Secrets

CANARY = f"canary-{uuid.uuid4().hex}"
USER = {"OS_USERNAME": "demo", "OS_USER_DOMAIN_NAME": "OTC-DEMO"}

# They do all that other commands do with credentials. An export has the outputs, too.
COMMANDS = (
    ("up", "--refresh", "--diff", *QUICK),
    ("stack", "export"),
    ("destroy", *QUICK),
)


def verbose(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command with all options that make it log more."""
    return (*command, "-v=9", "--logtostderr", "--logflow", "--show-secrets" if command[0] == "stack" else "--debug")


@pytest.fixture
def home(project: Project, tmp_path: Path) -> Path:
    """A Pulumi home of the test's own, where the CLI keeps a log of each command; with the plugins of the usual one."""
    home = tmp_path / "home"
    home.mkdir()
    plugins = Path(os.environ.get("PULUMI_HOME", "~/.pulumi")).expanduser() / "plugins"
    if plugins.is_dir():
        (home / "plugins").symlink_to(plugins)
    project.environment["PULUMI_HOME"] = str(home)
    return home


def files(*directories: Path) -> Iterator[Path]:
    """All files below, but not those that a link leads to."""
    for directory in directories:
        for folder, _, names in os.walk(directory):
            yield from (Path(folder, name) for name in names)


def content(file: Path) -> bytes:
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return b""  # SQLite's, of a database that was closed since.
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def find_leaks(project: Project, home: Path, secrets: Secrets, command: tuple[str, ...], output: str) -> list[str]:
    """Where the secrets can be read after a command with this output."""
    found = [f"output of {command}"] if secrets.appear_in(output.encode()) else []
    leaky = [file for file in files(project.directory, home) if secrets.appear_in(content(file))]
    return found + [f"{file} after {command}" for file in leaky]


def find_encrypted_leaks(project: Project, home: Path, secrets: Secrets) -> list[str]:
    """The logs in which the secrets can be read with the passphrase of the stack."""
    logs = [file for file in files(home) if content(file).startswith(b"PLOG")]
    assert logs
    return [str(log) for log in logs if secrets.appear_in(project.expect_ok("logs", "decrypt", str(log)).encode())]


def test_secrets_are_found_where_they_appear(tmp_path: Path) -> None:
    with serving(tmp_path / "emulator.db") as cloud:
        secrets = Secrets(CANARY, tmp_path / "emulator.db")
        for secret in (CANARY.encode(), cloud.server.token.encode()):
            assert secrets.appear_in(b'{"key": "%s"}' % secret)
            assert secrets.appear_in(b"a-longer-word%sgoes-on" % secret)
            assert secrets.appear_in(b"key=" + base64.b64encode(b"\x1a\x40%s and more" % secret))
        assert not secrets.appear_in(b"x" * 1000)


def use_password(project: Project, cloud: Cloud) -> str:
    cloud.server.store.set_password("demo", CANARY)
    project.environment |= {**USER, "OS_PASSWORD": CANARY}
    return CANARY


def use_token(project: Project, cloud: Cloud) -> str:
    project.change_config(project=None)
    project.environment |= {"OS_TOKEN": cloud.server.token, "OS_PROJECT_ID": cloud.server.project_id}
    return cloud.server.token


def use_access_key(project: Project, cloud: Cloud) -> str:
    cloud.server.store.add_access_key("demo", "TESTACCESSKEY0000001", CANARY)
    project.environment |= {"OS_ACCESS_KEY": "TESTACCESSKEY0000001", "OS_SECRET_KEY": CANARY}
    return CANARY


@pytest.mark.parametrize(
    "use_credentials",
    [
        use_password,
        pytest.param(use_token, marks=pytest.mark.acceptance),
        pytest.param(use_access_key, marks=pytest.mark.acceptance),
    ],
    ids=lambda use_credentials: use_credentials.__name__,
)
def test_credentials_from_the_environment_are_not_disclosed(
    use_credentials: Callable[[Project, Cloud], str], project: Project, standalone: Cloud, home: Path
) -> None:
    database = standalone.server.store.path
    secrets = Secrets(use_credentials(project, standalone), database)

    for command in map(verbose, COMMANDS):
        leaks = find_leaks(project, home, secrets, command, project.expect_ok(*command))
        # The emulator needs the secret key in its own file, to check signatures.
        assert [leak for leak in leaks if str(database) not in leak or use_credentials is not use_access_key] == []

    assert find_encrypted_leaks(project, home, secrets) == []


def test_secret_of_the_stack_file_is_disclosed_only_on_request(project: Project, standalone: Cloud, home: Path) -> None:
    standalone.server.store.set_password("demo", CANARY)
    project.change_config(username="demo", domain="OTC-DEMO")
    project.expect_ok("config", "set", "--secret", "otc-flow-logs:password", CANARY)
    secrets = Secrets(CANARY, standalone.server.store.path)

    # With -v=9, and in the logs that it encrypts, Pulumi itself shows the values of the stack file.
    for command in COMMANDS:
        assert find_leaks(project, home, secrets, command, project.expect_ok(*command)) == []


class Echo(BaseHTTPRequestHandler):
    """An IAM that refuses every sign-in and repeats its body."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer = json.dumps({"error": {"code": 400, "message": f"Invalid input: {sent}", "title": "Bad Request"}})
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[str]:
    """The address of such an IAM."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v3"
        server.shutdown()


REFUSED = {
    "wrong token": ({"OS_TOKEN": CANARY, "OS_PROJECT_ID": "0" * 32}, "refused the credentials"),
    "wrong secret key": (
        {"OS_ACCESS_KEY": "TESTACCESSKEY0000001", "OS_SECRET_KEY": CANARY},
        "check OS_ACCESS_KEY, OS_SECRET_KEY and this machine's clock",
    ),
    "password that IAM repeats": ({**USER, "OS_PASSWORD": CANARY}, "refused to sign in user 'demo'"),
}


@pytest.mark.parametrize(
    "case",
    ["password that IAM repeats", *(pytest.param(case, marks=pytest.mark.acceptance) for case in [*REFUSED][:2])],
)
def test_error_does_not_repeat_refused_credentials(
    case: str, project: Project, standalone: Cloud, home: Path, echo: str
) -> None:
    credentials, sentence = REFUSED[case]
    if "OS_PASSWORD" in credentials:
        project.change_config(endpoints={"iam": echo})
    project.environment |= credentials
    secrets = Secrets(CANARY, standalone.server.store.path)
    command = verbose(("preview",))

    output = project.pulumi(*command)

    assert not output.ok
    assert sentence in on_one_line(output.output)
    assert find_leaks(project, home, secrets, command, output.output) == []
