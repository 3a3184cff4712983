"""The command blocks of the documentation, run in a checkout of its own for each page.

See `tests.docs` for how pages are written. A page's literal port 8990 is another for each run, and where a command ends
with `&` and names it, the next one comes when somebody listens there.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import socket
import subprocess
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bench.processes import Children, members
from tests.docs import FAILS, Block, Command, Page, commands, difference, pages, read_page
from tests.e2e.harness import CHECKOUT, TIMEOUT, as_in_a_new_shell, make_checkout
from tests.emulator.process import free_port
from tests.waiting import eventually
from tools.cache import cache_folder

PORT = re.compile(r"\b8990\b")
"""The port of the emulators that pages start by themselves: here each page has another."""

IN_EVERY_RUN = ("README.md",)
PAGES = pages()


class Shell:
    """A bash, in which jobs are as they are at a terminal."""

    def __init__(self, checkout: Path, environment: Mapping[str, str]) -> None:
        self.checkout = checkout
        self._typed = checkout.with_name("typed")
        self._printed = checkout.with_name("printed")
        self._ended, there = os.pipe()
        self._there = there
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
                pass_fds=[there],
            )
        os.close(there)
        self._send("set -m")

    def run(self, command: str, timeout: float = TIMEOUT) -> tuple[int | str, str]:
        """Run a command to its end: its exit code, or in words why there is none, and what was printed."""
        before = self._printed.stat().st_size
        self._typed.write_text(f"{command}\n", encoding="utf-8")
        # What it starts must not keep the pipe open, which closes when the shell itself ends.
        typed = f". {shlex.quote(str(self._typed))} </dev/null {self._there}>&-"
        # At once, for the shell may be gone after the first line.
        self._send(f"(exit ${{ended:-0}}); {typed}; ended=$?\necho $ended >&{self._there}")
        if select.select([self._ended], [], [], timeout)[0]:
            said = os.read(self._ended, 100)
            ended: int | str = int(said) if said else "ended the shell"
        else:
            ended = f"did not end within {timeout:g} seconds"
        return ended, self._printed.read_bytes()[before:].decode(errors="replace")

    @property
    def session(self) -> int:
        return self._bash.pid

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill all that was started here."""
        assert self._bash.stdin is not None
        self._bash.stdin.close()
        Children().end(self._bash)
        os.close(self._ended)

    def _send(self, line: str) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{line}\n".encode())


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """One in a checkout of its own, for somebody who has just logged in."""
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
        "PATH": os.pathsep.join(filter(_is_a_persons_own, os.environ["PATH"].split(os.pathsep))),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
    }
    environment.pop("VIRTUAL_ENV", None)
    with Shell(checkout, environment) as shell:
        yield shell


def _is_a_persons_own(folder: str) -> bool:
    """Whether a folder of PATH is not one that `make` or a virtual environment put there for these tests."""
    ours = (cache_folder().resolve(), (CHECKOUT / ".venv").resolve())
    return not any(Path(folder).resolve().is_relative_to(one) for one in ours)


def do(page: Page, shell: Shell, timeout: float = TIMEOUT) -> None:
    """Do what the page says, up to the first thing that does not happen as it says."""
    assert not page.mistakes, "\n".join(page.mistakes)
    port = free_port()
    for block in page.blocks:
        if block.file:
            shown = "".join(f"{line}\n" for line in block.lines)
            (shell.checkout / block.file).write_text(PORT.sub(str(port), shown), encoding="utf-8")
        elif block.is_run:
            typed = commands(block)
            for command in typed:
                fails = block.comment == FAILS and command is typed[-1]
                _check(block, command, fails, shell, port, timeout)


def _check(block: Block, command: Command, fails: bool, shell: Shell, port: int, timeout: float) -> None:
    ended, output = shell.run(PORT.sub(str(port), command.text), timeout)
    expected = [PORT.sub(str(port), line) for line in command.prints]
    what = None
    if isinstance(ended, str):
        what = ended
    elif bool(ended) != fails:
        what = f"ended with {ended}" + (", but was to fail" if fails else "")
    elif PORT.search(command.text) and command.text.endswith("&") and not _listens(port, timeout):
        what = f"does not listen on its port after {timeout:g} seconds"
    elif expected and (differs := difference(expected, output)):
        what = f"printed something else: {differs}"
    if what:
        said = [f"{block.page}:{command.line}: the command {what}", _indented("$ " + command.text)]
        if expected:
            said += ["expected:", _indented("\n".join(expected))]
        pytest.fail("\n".join([*said, "printed:", _indented(output)]), pytrace=False)


def _listens(port: int, timeout: float) -> bool:
    """Whether somebody listens there in time; at a terminal it is up before another line is typed."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ", lambda _: True)


RUN = [
    pytest.param(page, id=page.name, marks=[] if page.name in IN_EVERY_RUN else [pytest.mark.acceptance])
    for page in PAGES
    if any(block.is_run for block in page.blocks)
]
LEFT_OUT = [pytest.param(block, id=block.place) for page in PAGES for block in page.blocks if block.is_left_out]


@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_do_what_it_says(page: Page, shell: Shell) -> None:
    do(page, shell)


@pytest.mark.acceptance
@pytest.mark.parametrize("block", LEFT_OUT)
def test_a_block_that_needs_more_than_a_test_has_is_left_out(block: Block) -> None:
    pytest.skip(f"{block.place}: {block.comment}")


# The runner itself, with pages of a few lines.


@pytest.fixture
def bare_shell(tmp_path: Path) -> Iterator[Shell]:
    """One in a folder that has nothing but a place for stack files."""
    (tmp_path / "checkout" / "stacks").mkdir(parents=True)
    with Shell(tmp_path / "checkout", as_in_a_new_shell()) as shell:
        yield shell


def follow(shell: Shell, text: str, timeout: float = TIMEOUT) -> None:
    do(read_page("page.md", text), shell, timeout)


def told(shell: Shell, text: str, timeout: float = TIMEOUT) -> str:
    """What is told of a page that is not true."""
    with pytest.raises(pytest.fail.Exception) as failed:
        follow(shell, text, timeout)
    return str(failed.value)


def test_all_blocks_of_a_page_are_run_in_one_shell(bare_shell: Shell) -> None:
    follow(
        bare_shell,
        """
```console
$ cd stacks && export GREETING="hello
there"
$ sleep 100 &
```

Then:

```console
$ pwd
…/stacks
$ echo $GREETING; cat
hello there
$ jobs
[1]+  Running …
$ kill %1
…
```
""",
    )


def test_a_page_shows_a_stack_file_and_then_uses_it(bare_shell: Shell) -> None:
    follow(
        bare_shell,
        """
<!-- in stacks/Pulumi.team.yaml -->
```yaml
config:
  otc-flow-logs:endpoint: http://127.0.0.1:8990
```

```console
$ cat stacks/Pulumi.team.yaml
config:
  otc-flow-logs:endpoint: http://127.0.0.1:8990
$ grep -c 8990 stacks/Pulumi.team.yaml
1
```
""",
    )
    assert ":8990\n" not in (bare_shell.checkout / "stacks" / "Pulumi.team.yaml").read_text()


def test_the_last_command_of_a_block_that_fails_has_to_fail(bare_shell: Shell) -> None:
    follow(bare_shell, "<!-- fails -->\n```console\n$ true\n$ false\n```\n```console\n$ echo $?\n1\n```\n")
    assert told(bare_shell, "<!-- fails -->\n```console\n$ true\n```\n").startswith(
        "page.md:3: the command ended with 0, but was to fail\n    $ true\n"
    )
    assert told(bare_shell, "<!-- fails -->\n```console\n$ (exit 3)\n$ false\n```\n").startswith(
        "page.md:3: the command ended with 3\n"
    )


def test_another_output_is_told_beside_the_expected_one(bare_shell: Shell) -> None:
    assert told(bare_shell, "```console\n$ printf 'one\\ntwo\\n'\none\nthree\n```\n") == (
        "page.md:2: the command printed something else: nothing fits: three\n"
        "    $ printf 'one\\ntwo\\n'\n"
        "expected:\n    one\n    three\n"
        "printed:\n    one\n    two\n"
    )


def test_a_command_that_does_not_end_is_named(bare_shell: Shell) -> None:
    said = told(bare_shell, "Wait:\n\n```console\n$ echo so; sleep 100\n```\n", timeout=3)
    assert said == ("page.md:4: the command did not end within 3 seconds\n    $ echo so; sleep 100\nprinted:\n    so\n")


def test_a_command_that_ends_the_shell_is_named(bare_shell: Shell) -> None:
    said = told(bare_shell, "```console\n$ sleep 100 &\n$ exit 0\n```\n")
    assert said.startswith("page.md:3: the command ended the shell\n")


SERVER = "python3 -m http.server --bind 127.0.0.1 8990"


def test_a_server_that_a_page_starts_is_up_before_the_next_command(bare_shell: Shell) -> None:
    follow(
        bare_shell,
        f"""
```console
$ {{ sleep 0.3; exec {SERVER}; }} >/dev/null 2>&1 &
$ python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8990))'
$ kill %1
```
""",
    )
    said = told(bare_shell, "```console\n$ echo :8990 &\n```\n", timeout=3)
    assert said.startswith("page.md:2: the command does not listen on its port after 3 seconds\n")


def test_a_block_that_is_left_out_is_not_run(bare_shell: Shell) -> None:
    follow(bare_shell, "<!-- needs a server -->\n```console\n$ exit 1\n```\n```sh\nexit 1\n```\n")


def test_nothing_that_a_page_started_outlives_it(tmp_path: Path) -> None:
    (tmp_path / "checkout").mkdir()
    with Shell(tmp_path / "checkout", as_in_a_new_shell()) as shell:
        follow(shell, "```console\n$ (sleep 100 | sleep 100) &\n$ trap '' TERM INT; sleep 100 &\n```\n")
        eventually(lambda: len(members(shell.session)) > 3)

    assert members(shell.session) == []
