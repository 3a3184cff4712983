"""Passwords and tokens are in no output, log, state or file of a project, also where Pulumi tells all that it knows."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import os
import re
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e import test_connections
from tests.e2e.harness import QUICK, Cloud, Project, serving

CANARY = f"canary-{uuid.uuid4().hex}"
TOKEN_LENGTH = 64  # characters, of those that the emulator issues
USER = {"OS_USERNAME": "demo", "OS_USER_DOMAIN_NAME": "OTC-DEMO"}

# An export has the outputs too.
COMMANDS = (
    ("up", *QUICK),
    ("preview", "--diff", "--suppress-progress"),
    ("refresh", *QUICK),
    ("stack", "export"),
    ("destroy", *QUICK),
)
# Whatever the credentials are, each command uses them alike: these do all that those above do.
FEWER_COMMANDS = (
    ("up", "--refresh", "--diff", *QUICK),
    ("stack", "export"),
    ("destroy", *QUICK),
)


def in_full(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command, which then tells as much as it can."""
    return (*command, "-v=9", "--logtostderr", "--logflow", "--show-secrets" if command[0] == "stack" else "--debug")


@dataclass(frozen=True)
class Secrets:
    """What nobody may read: a password or token, and all tokens that the emulator with this file has issued."""

    credential: str
    database: Path

    def are_in(self, data: bytes) -> bool:
        """Whether the data tells one of them, as it is or within something in base64."""
        texts = [data, *map(_decoded, set(re.findall(rb"[A-Za-z0-9+/]{24,}", data)))]
        if any(self.credential.encode() in text for text in texts):
            return True
        words = {word for text in texts for word in re.findall(rb"[\w-]{%d,}" % TOKEN_LENGTH, text)}
        parts = (word[start : start + TOKEN_LENGTH] for word in words for start in range(len(word) - TOKEN_LENGTH + 1))
        # All that the emulator keeps of a token is its digest.
        return not self._digests().isdisjoint(hashlib.sha256(part).digest() for part in parts)

    def _digests(self) -> set[bytes]:
        if not self.database.exists():
            return set()
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return {digest for (digest,) in connection.execute("SELECT digest FROM token")}


def _decoded(text: bytes) -> bytes:
    text = text[:-1] if len(text) % 4 == 1 else text
    return base64.b64decode(text + b"=" * (-len(text) % 4))


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


def leaks(project: Project, home: Path, secrets: Secrets, command: tuple[str, ...], output: str) -> list[str]:
    """Where the secrets can be read now that the command has had this output."""
    found = [f"output of {command}"] if secrets.are_in(output.encode()) else []
    leaky = [file for file in files(project.directory, home) if secrets.are_in(content(file))]
    return found + [f"{file} after {command}" for file in leaky]


def encrypted_leaks(project: Project, home: Path, secrets: Secrets) -> list[str]:
    """The logs in which the secrets can be read by who has the passphrase of the stack."""
    logs = [file for file in files(home) if content(file).startswith(b"PLOG")]
    assert logs
    return [str(log) for log in logs if secrets.are_in(project.expect_ok("logs", "decrypt", str(log)).encode())]


def test_what_is_looked_for_would_be_found(tmp_path: Path) -> None:
    with serving(tmp_path / "emulator.db") as cloud:
        secrets = Secrets(CANARY, tmp_path / "emulator.db")
        for secret in (CANARY.encode(), cloud.server.token.encode()):
            assert secrets.are_in(b'{"key": "%s"}' % secret)
            assert secrets.are_in(b"a-longer-word%sgoes-on" % secret)
            assert secrets.are_in(b"key=" + base64.b64encode(b"\x1a\x40%s and more" % secret))
        assert not secrets.are_in(b"x" * 1000)


def test_a_password_from_the_environment_is_told_to_nobody(project: Project, standalone: Cloud, home: Path) -> None:
    standalone.server.store.set_password("demo", CANARY)
    project.environment |= {**USER, "OS_PASSWORD": CANARY}
    secrets = Secrets(CANARY, standalone.server.store.path)

    for command in map(in_full, COMMANDS):
        assert leaks(project, home, secrets, command, project.expect_ok(*command)) == []

    assert encrypted_leaks(project, home, secrets) == []


@pytest.mark.acceptance
def test_a_token_from_the_environment_is_told_to_nobody(project: Project, standalone: Cloud, home: Path) -> None:
    project.change_config(project=None)
    project.environment |= {"OS_TOKEN": standalone.server.token, "OS_PROJECT_ID": standalone.server.project_id}
    secrets = Secrets(standalone.server.token, standalone.server.store.path)

    for command in map(in_full, FEWER_COMMANDS):
        assert leaks(project, home, secrets, command, project.expect_ok(*command)) == []

    assert encrypted_leaks(project, home, secrets) == []


@pytest.mark.acceptance
def test_a_secret_key_from_the_environment_is_told_to_nobody(project: Project, standalone: Cloud, home: Path) -> None:
    standalone.server.store.add_access_key("demo", "TESTACCESSKEY0000001", CANARY)
    project.environment |= {"OS_ACCESS_KEY": "TESTACCESSKEY0000001", "OS_SECRET_KEY": CANARY}
    cloud = standalone.server.store.path
    secrets = Secrets(CANARY, cloud)

    for command in map(in_full, FEWER_COMMANDS):
        output = project.expect_ok(*command)
        # A signature can only be checked with the secret key: the cloud's own file has it.
        assert [leak for leak in leaks(project, home, secrets, command, output) if str(cloud) not in leak] == []

    assert encrypted_leaks(project, home, secrets) == []


def test_a_secret_of_the_stack_file_is_told_to_nobody_who_did_not_ask_for_it(
    project: Project, standalone: Cloud, home: Path
) -> None:
    standalone.server.store.set_password("demo", CANARY)
    project.change_config(username="demo", domain="OTC-DEMO")
    project.expect_ok("config", "set", "--secret", "otc-flow-logs:password", CANARY)
    secrets = Secrets(CANARY, standalone.server.store.path)

    # At -v=9, and in the logs that it encrypts, Pulumi itself tells what the stack file holds.
    for command in FEWER_COMMANDS:
        assert leaks(project, home, secrets, command, project.expect_ok(*command)) == []


@pytest.mark.acceptance
def test_the_credentials_of_the_embedded_emulator_are_told_to_nobody(project: Project, home: Path) -> None:
    secrets = Secrets(test_connections.PASSWORD, project.database)

    for command in map(in_full, FEWER_COMMANDS):
        assert leaks(project, home, secrets, command, project.expect_ok(*command)) == []

    assert encrypted_leaks(project, home, secrets) == []


REFUSED = {
    "a wrong password": ({**USER, "OS_PASSWORD": CANARY}, "IAM refused user 'demo' of domain 'OTC-DEMO'"),
    "a wrong token": ({"OS_TOKEN": CANARY, "OS_PROJECT_ID": "0" * 32}, "refused the credentials"),
    "a token of two lines": (
        {"OS_TOKEN": f"{CANARY}\nand more", "OS_PROJECT_ID": "0" * 32},
        "the token has characters that no token has",
    ),
}


@pytest.mark.parametrize(("credentials", "sentence"), list(REFUSED.values()), ids=list(REFUSED))
def test_an_error_does_not_repeat_what_was_refused(
    credentials: dict[str, str], sentence: str, project: Project, standalone: Cloud, home: Path
) -> None:
    project.environment |= credentials
    secrets = Secrets(CANARY, standalone.server.store.path)
    command = in_full(("preview",))

    output = project.expect_error(*command)

    assert sentence in output
    assert leaks(project, home, secrets, command, output) == []


class Echo(BaseHTTPRequestHandler):
    """An IAM that refuses every sign-in in the sign-in's own words."""

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


def test_an_error_does_not_repeat_a_password_that_iam_repeats(
    project: Project, standalone: Cloud, home: Path, echo: str
) -> None:
    project.change_config(endpoints={"iam": echo})
    project.environment |= {**USER, "OS_PASSWORD": CANARY}
    secrets = Secrets(CANARY, standalone.server.store.path)
    command = in_full(("preview",))

    output = project.expect_error(*command)

    assert "refused to sign in user 'demo'" in output
    assert leaks(project, home, secrets, command, output) == []
