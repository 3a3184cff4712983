"""The pages of the documentation: their command blocks, and whether what a command printed is what its page says.

A command block is a fenced block with the info string `console`. Lines that begin with `$ ` are commands, which go on
in the next lines for as long as bash needs more; all others are what the command above them prints. There, a line that
is only `…` stands for any number of lines, also none, and `…` within a line for any text. A command with nothing below
it may print anything.

A comment in the line directly above a block says what is different about it: see `FAILS`, `NOT_RUN` and `FILE`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]

CONSOLE = "console"
FAILS = "fails"
"""The last command of the block must not succeed; all others must."""
NOT_RUN = ("needs a real account", "needs a server")
FILE = re.compile(r"in (stacks/Pulumi\.[\w.-]+\.yaml)")
"""A `yaml` block is the whole of this file from here on."""

_FENCE = re.compile(r"( *)(`{3,}|~{3,}) *(\S*)")
_COMMENT = re.compile(r" *<!-- *(fails\b.*?|needs .*?|in .*?) *--> *")
_ANY = "…"
# What `bash -n` says of a command that is not over yet.
_MORE = ("unexpected EOF", "unexpected end of file", "delimited by end-of-file")


@dataclass(frozen=True)
class Block:
    """A fenced block; its line is that of the fence, from 1."""

    page: str
    line: int
    language: str
    comment: str
    lines: tuple[str, ...]

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        return self.language == CONSOLE and self.comment not in NOT_RUN

    @property
    def is_left_out(self) -> bool:
        return self.language == CONSOLE and self.comment in NOT_RUN

    @property
    def file(self) -> str | None:
        """The file that it shows, if a comment says so."""
        named = FILE.fullmatch(self.comment)
        return named[1] if named else None


@dataclass(frozen=True)
class Command:
    """A command, which may have several lines, and what it prints: nothing that is said if there are no lines."""

    line: int
    text: str
    prints: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """A page: its name is its path in the checkout, its prose has an empty line in place of each block."""

    name: str
    blocks: tuple[Block, ...]
    prose: str
    mistakes: tuple[str, ...]


def pages(checkout: Path = CHECKOUT) -> list[Page]:
    """All pages, by name; what tools keep in hidden folders is none."""
    found = [file for folder in ("docs", "examples") for file in sorted((checkout / folder).rglob("*.md"))]
    names = [file.relative_to(checkout) for file in (checkout / "README.md", *found)]
    return [
        read_page(name.as_posix(), (checkout / name).read_text(encoding="utf-8"))
        for name in names
        if not any(part.startswith(".") for part in name.parts)
    ]


def read_page(name: str, text: str) -> Page:
    """Take a page apart; what is not as the format has it is among its mistakes."""
    blocks: list[Block] = []
    prose: list[str] = []
    mistakes: list[str] = []
    comment = ""
    rest = iter(enumerate(text.splitlines(), 1))
    for number, line in rest:
        if fence := _FENCE.match(line):
            lines, closed = _inside(rest, fence[1], fence[2])
            block = Block(name, number, fence[3], comment, lines)
            blocks.append(block)
            prose.append("")
            mistakes += [f"{block.place}: {mistake}" for mistake in _mistakes(block, closed)]
            comment = ""
        else:
            if comment:
                mistakes.append(_astray(name, number - 1, comment))
            said = _COMMENT.fullmatch(line)
            comment = said[1] if said else ""
            prose.append(line)
    if comment:
        mistakes.append(_astray(name, len(text.splitlines()), comment))
    return Page(name, tuple(blocks), "\n".join(prose), tuple(mistakes))


def _astray(name: str, line: int, comment: str) -> str:
    return f"{name}:{line}: <!-- {comment} --> is not directly above a block"


def _inside(rest: Iterator[tuple[int, str]], indent: str, fence: str) -> tuple[tuple[str, ...], bool]:
    """The lines up to the end of the block that just began, and whether it has an end."""
    lines: list[str] = []
    for _, line in rest:
        inner = line.strip()
        if inner.startswith(fence) and not inner.strip(fence[0]):
            return tuple(lines), True
        lines.append(line.removeprefix(indent))
    return tuple(lines), False


def _mistakes(block: Block, closed: bool) -> Iterator[str]:
    if not closed:
        yield "the block has no end"
    if block.is_run and not (block.lines and block.lines[0].startswith("$ ")):
        yield "a console block begins with a command, `$ …`"
    if block.comment and not (block.file or block.comment in (FAILS, *NOT_RUN)):
        yield f"<!-- {block.comment} --> is nothing that a test knows"
    language = "yaml" if block.file else CONSOLE
    if block.comment and block.language != language:
        yield f"<!-- {block.comment} --> is for {language} blocks only"


def commands(block: Block) -> list[Command]:
    """The commands of a console block."""
    found: list[Command] = []
    for number, line in enumerate(block.lines, block.line + 1):
        last = found[-1] if found else None
        if last and not last.prints and _is_open(last.text):
            found[-1] = Command(last.line, f"{last.text}\n{line}", ())
        elif line.startswith("$ "):
            found.append(Command(number, line[2:], ()))
        elif last:
            found[-1] = Command(last.line, last.text, (*last.prints, line))
    return [Command(one.line, one.text, _without_blanks(one.prints)) for one in found]


def _is_open(text: str) -> bool:
    """Whether a shell would wait for more."""
    return text.endswith("\\") or any(said in complaint(text) for said in _MORE)


def complaint(text: str) -> str:
    """What bash has to say about a command before it runs it; nothing if it is well-formed."""
    asked = subprocess.run(
        ["bash", "-n"],
        input=f"{text}\n",
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return asked.stderr


def _without_blanks(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines without blanks at their ends, nor empty ones at the end of all."""
    return tuple("\n".join(line.rstrip() for line in lines).rstrip("\n").splitlines())


def difference(expected: Sequence[str], output: str) -> str | None:
    """The first expected line that nothing fits, in a sentence; None if all that was printed is as expected."""
    printed = _without_blanks(output.splitlines())
    at = seen = furthest = 0
    again: tuple[int, int] | None = None  # behind the last `…`, and the line that it takes next if nothing else helps
    while seen < len(printed):
        if at < len(expected) and expected[at].strip() == _ANY:
            at += 1
            again = at, seen
        elif at < len(expected) and _fits(expected[at], printed[seen]):
            at, seen = at + 1, seen + 1
        elif again:
            at, seen = again[0], again[1] + 1
            again = at, seen
        else:
            break
        furthest = max(furthest, at)
    while seen == len(printed) and at < len(expected) and expected[at].strip() == _ANY:
        at += 1
    if seen == len(printed) and at == len(expected):
        return None
    if furthest < len(expected):
        return f"nothing fits: {expected[furthest]}"
    return "there is more than expected"


def _fits(expected: str, printed: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in expected.split(_ANY))
    return re.fullmatch(pattern, printed) is not None


def totals(of: Sequence[Page]) -> str:
    """The sentence that tells how many blocks are run."""
    blocks = [block for page in of for block in page.blocks]
    run, left_out = sum(block.is_run for block in blocks), sum(block.is_left_out for block in blocks)
    return f"{run} command blocks are run by a test; {left_out} need a real account or a server and are not."


# What the pages refer to.

_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|^ *\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
_HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*")
_MAKE = re.compile(r"\bmake\s+(?:[A-Z_]+=\S+\s+)*([a-z][a-z-]*)")


def links(page: Page) -> list[str]:
    """Where its links and pictures lead, as written, but for other sites."""
    found = [match[1] or match[2] for match in _LINK.finditer(_CODE.sub("", page.prose))]
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(page: Page) -> set[str]:
    """What its headings are called in addresses."""
    names: Counter[str] = Counter()
    found = set()
    for line in page.prose.splitlines():
        if heading := _HEADING.fullmatch(line):
            shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
            found.add(f"{name}-{names[name]}" if names[name] else name)
            names[name] += 1
    return found


def make_targets(page: Page) -> set[str]:
    """What it has `make` do, in code and in commands."""
    code = [match[2] for match in _CODE.finditer(page.prose)]
    typed = [one.text for block in page.blocks if block.language == CONSOLE for one in commands(block)]
    return {match[1] for text in (*code, *typed) for match in _MAKE.finditer(text)}
