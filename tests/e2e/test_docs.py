"""The command blocks of the documentation, run in a checkout of its own for each page.

See `tests.docs` for the format of pages. A command with the output `…http://127.0.0.1:PORT…` starts a server, and is
followed until it prints an address; its port is meant by `PORT` from there on.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bench.processes import Children, members
from tests.docs import FAILS, Block, Command, Page, find_difference, load_pages, parse_commands, parse_page
from tests.e2e.harness import CHECKOUT, TIMEOUT, as_in_a_new_shell, make_checkout
from tests.waiting import eventually
from tools.cache import cache_folder

HOST = "http://127.0.0.1:"
PORT = "PORT"
"""What a page writes in place of the port of an emulator that it starts."""

IN_EVERY_RUN = ("README.md",)
PAGES = load_pages()


class Shell:
    """A bash with job control, as at a terminal."""

    def __init__(self, checkout: Path, environment: Mapping[str, str]) -> None:
        self.checkout = checkout
        self.port = PORT
        self._typed = checkout.with_name("typed")
        self._printed = checkout.with_name("printed")
        self._exit_codes, self._report_to = os.pipe()
        with self._printed.open("ab") as output:
            self._bash = subprocess.Popen(
                ["bash"],
                bufsize=0,
                cwd=checkout,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[self._report_to],
            )
        os.close(self._report_to)
        self._send("set -m")

    def run(self, command: str, timeout: float = TIMEOUT) -> tuple[int | str, str]:
        """Run a command to its end: its exit code, or in words why there is none, and its output."""
        self._before = self._printed.stat().st_size
        self._typed.write_text(f"{command}\n", encoding="utf-8")
        # Background jobs must not keep the pipe open: it closes when the shell itself ends.
        typed = f". {shlex.quote(str(self._typed))} </dev/null {self._report_to}>&-"
        # In one write, because the shell may be gone after the first line.
        self._send(f"(exit ${{ended:-0}}); {typed}; ended=$?\necho $ended >&{self._report_to}")
        if select.select([self._exit_codes], [], [], timeout)[0]:
            code = os.read(self._exit_codes, 100)
            ended: int | str = int(code) if code else "ended the shell"
        else:
            ended = f"did not end within {timeout:g} seconds"
        return ended, self.output

    @property
    def output(self) -> str:
        """What was printed since the last command began, also in the background."""
        return self._printed.read_bytes()[self._before :].decode(errors="replace")

    @property
    def session(self) -> int:
        return self._bash.pid

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill everything that was started here."""
        assert self._bash.stdin is not None
        self._bash.stdin.close()
        Children().end(self._bash)
        os.close(self._exit_codes)

    def _send(self, line: str) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{line}\n".encode())


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in a checkout of its own, as after a login."""
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    make_checkout(checkout)
    home.mkdir()
    plugins = Path.home() / ".pulumi" / "plugins"
    if plugins.is_dir():
        (home / ".pulumi").mkdir()
        (home / ".pulumi" / "plugins").symlink_to(plugins)
    environment = {
        **as_in_a_new_shell(),
        "HOME": str(home),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
        "PATH": os.pathsep.join(filter(_is_users, os.environ["PATH"].split(os.pathsep))),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
    }
    environment.pop("VIRTUAL_ENV", None)
    with Shell(checkout, environment) as shell:
        yield shell


def _is_users(folder: str) -> bool:
    """Whether a folder of PATH was not put there by `make` or a virtual environment for these tests."""
    added = (cache_folder().resolve(), (CHECKOUT / ".venv").resolve())
    return not any(Path(folder).resolve().is_relative_to(parent) for parent in added)


def follow(page: Page, shell: Shell, timeout: float = TIMEOUT) -> None:
    """Do what the page shows, up to the first difference."""
    assert not page.mistakes, "\n".join(page.mistakes)
    for block in page.blocks:
        if block.file:
            content = "".join(f"{line}\n" for line in block.lines)
            (shell.checkout / block.file).write_text(content, encoding="utf-8")
        elif block.is_run:
            commands = parse_commands(block)
            for command in commands:
                fails = block.comment == FAILS and command is commands[-1]
                _check(block, command, fails, shell, timeout)


def _check(block: Block, command: Command, fails: bool, shell: Shell, timeout: float) -> None:
    ended, output = shell.run(command.text.replace(HOST + PORT, HOST + shell.port), timeout)
    if HOST + PORT in "".join(command.output):
        eventually(lambda: re.search(HOST + r"\d+ ", shell.output))
        output = shell.output
        shell.port = output.partition(HOST)[2].partition(" ")[0]
    expected = [line.replace(HOST + PORT, HOST + shell.port) for line in command.output]
    problem = None
    if isinstance(ended, str):
        problem = ended
    elif bool(ended) != fails:
        problem = f"ended with {ended}" + (", but must fail" if fails else "")
    elif expected and (difference := find_difference(expected, output)):
        problem = f"printed something else: {difference}"
    if problem:
        lines = [f"{block.page}:{command.line}: the command {problem}", _indented("$ " + command.text)]
        if expected:
            lines += ["expected:", _indented("\n".join(expected))]
        pytest.fail("\n".join([*lines, "printed:", _indented(output)]), pytrace=False)


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ", lambda _: True)


RUN = [
    pytest.param(page, id=page.name, marks=[] if page.name in IN_EVERY_RUN else [pytest.mark.acceptance])
    for page in PAGES
    if any(block.is_run for block in page.blocks)
]


@pytest.mark.parametrize("page", RUN)
def test_commands_of_page_do_what_it_shows(page: Page, shell: Shell) -> None:
    follow(page, shell)
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    changed = subprocess.run(status, cwd=shell.checkout, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert [line for line in changed.splitlines() if not line[3:].startswith("stacks/Pulumi.")] == []


# The runner itself, with pages of a few lines.


@pytest.fixture
def bare_shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in a folder that has only a place for stack files."""
    (tmp_path / "checkout" / "stacks").mkdir(parents=True)
    with Shell(tmp_path / "checkout", as_in_a_new_shell()) as shell:
        yield shell


def follow_text(shell: Shell, *lines: str, timeout: float = TIMEOUT) -> None:
    follow(parse_page("page.md", "\n".join(lines)), shell, timeout)


def console(*lines: str) -> tuple[str, ...]:
    return ("```console", *lines, "```")


def test_all_blocks_of_page_run_in_one_shell(bare_shell: Shell) -> None:
    follow_text(
        bare_shell,
        *console('$ cd stacks && export GREETING="hello', 'there"', "$ sleep 100 &"),
        "Then:",
        *console("$ pwd", "…/stacks", "$ echo $GREETING; cat", "hello there"),
        *console("$ jobs", "[1]+  Running …", "$ kill %1", "…"),
        *("<!-- needs a server -->", *console("$ exit 1"), "```sh", "exit 1", "```"),
    )


def test_port_that_server_prints_late_is_used_in_later_commands(bare_shell: Shell) -> None:
    follow_text(
        bare_shell,
        *console("$ (sleep 0.2; echo emulator: http://127.0.0.1:4711 here) &", "emulator: http://127.0.0.1:PORT here"),
        *console("$ echo http://127.0.0.1:PORT", "http://127.0.0.1:…11"),
    )


@pytest.mark.parametrize(
    ("lines", "failure"),
    [
        (["<!-- fails -->", *console("$ true")], "page.md:3: the command ended with 0, but must fail\n    $ true\n"),
        (
            console("$ printf 'one\\ntwo\\n'", "one", "three"),
            "page.md:2: the command printed something else: nothing fits: three\n    $ printf 'one\\ntwo\\n'\n"
            "expected:\n    one\n    three\nprinted:\n    one\n    two\n",
        ),
        (
            console("$ echo so; sleep 100"),
            "page.md:2: the command did not end within 3 seconds\n    $ echo so; sleep 100\nprinted:\n    so\n",
        ),
        (console("$ exit 0"), "page.md:2: the command ended the shell\n"),
    ],
)
def test_first_difference_on_page_is_reported(bare_shell: Shell, lines: list[str], failure: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"^{re.escape(failure)}"):
        follow_text(bare_shell, *lines, timeout=3)


def test_process_that_page_started_does_not_outlive_it(tmp_path: Path) -> None:
    (tmp_path / "checkout").mkdir()
    with Shell(tmp_path / "checkout", as_in_a_new_shell()) as shell:
        follow_text(shell, *console("$ (sleep 100 | sleep 100) &", "$ trap '' TERM INT; sleep 100 &"))
        eventually(lambda: len(members(shell.session)) > 3)

    assert members(shell.session) == []
