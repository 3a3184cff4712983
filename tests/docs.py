"""The pages of the documentation: their command blocks, and whether a command printed what its page shows.

A command block is a fenced block with the info string `console`. Lines that begin with `$ ` are commands, which
continue in the next lines for as long as bash needs more. All other lines are the output of the command above them.
There, a line that is only `…` stands for any number of lines, also none, and `…` within a line for any text. A command
with no output below it may print anything.

A comment in the line directly above a block marks it: see `FAILS`, `NOT_RUN` and `FILE`.
"""

from __future__ import annotations

import functools
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
"""The last command of the block must fail; all others must succeed."""
NOT_RUN = ("needs a real account", "needs a server")
FILE = re.compile(r"in ((?:stacks/Pulumi\.[\w.-]+|examples/[\w-]+/\w+)\.(yaml|py))")
"""The block is the whole content of this file from here on."""
LANGUAGES = {"yaml": "yaml", "py": "python"}

_FENCE = re.compile(r"( *)(`{3,}|~{3,}) *(\S*)")
_COMMENT = re.compile(r" *<!-- *(fails\b.*?|needs .*?|in .*?) *--> *")
_ANY = "…"
# What `bash -n` reports of a command that is not complete.
_INCOMPLETE = ("unexpected EOF", "unexpected end of file", "delimited by end-of-file")


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
    def is_skipped(self) -> bool:
        return self.language == CONSOLE and self.comment in NOT_RUN

    @property
    def file(self) -> str | None:
        """The file whose content it is, if a comment names one."""
        named = FILE.fullmatch(self.comment)
        return named[1] if named else None


@dataclass(frozen=True)
class Command:
    """A command, which may have several lines, and its expected output, if the page shows any."""

    line: int
    text: str
    output: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """A page: its name is its path in the checkout; its prose has an empty line in place of each block."""

    name: str
    blocks: tuple[Block, ...]
    prose: str
    mistakes: tuple[str, ...]


def load_pages(checkout: Path = CHECKOUT) -> list[Page]:
    """All pages, by name, without those in hidden folders."""
    files = [checkout / "README.md", checkout / "CHANGELOG.md"]
    files += [file for folder in ("docs", "examples") for file in sorted((checkout / folder).rglob("*.md"))]
    names = [file.relative_to(checkout) for file in files]
    return [
        parse_page(name.as_posix(), (checkout / name).read_text(encoding="utf-8"))
        for name in names
        if not any(part.startswith(".") for part in name.parts)
    ]


def parse_page(name: str, text: str) -> Page:
    """Parse a page; deviations from the format are among its mistakes."""
    blocks: list[Block] = []
    prose: list[str] = []
    mistakes: list[str] = []
    comment, comment_line = "", 0
    rest = iter(enumerate(text.splitlines(), 1))
    for number, line in rest:
        if fence := _FENCE.match(line):
            lines, is_closed = _lines_inside(rest, fence[1], fence[2])
            block = Block(name, number, fence[3], comment, lines)
            blocks.append(block)
            mistakes += [f"{block.place}: {mistake}" for mistake in _find_mistakes(block, is_closed)]
            prose.append("")
            comment = ""
            continue
        if comment:
            mistakes.append(f"{name}:{comment_line}: <!-- {comment} --> is not directly above a block")
        marked = _COMMENT.fullmatch(line)
        comment, comment_line = (marked[1], number) if marked else ("", 0)
        prose.append(line)
    if comment:
        mistakes.append(f"{name}:{comment_line}: <!-- {comment} --> is not directly above a block")
    return Page(name, tuple(blocks), "\n".join(prose), tuple(mistakes))


def _lines_inside(rest: Iterator[tuple[int, str]], indent: str, fence: str) -> tuple[tuple[str, ...], bool]:
    """The lines up to the end of the block, and whether it has an end."""
    lines: list[str] = []
    for _, line in rest:
        inner = line.strip()
        if inner.startswith(fence) and not inner.strip(fence[0]):
            return tuple(lines), True
        lines.append(line.removeprefix(indent))
    return tuple(lines), False


def _find_mistakes(block: Block, is_closed: bool) -> Iterator[str]:
    if not is_closed:
        yield "the block has no end"
    if block.is_run and not (block.lines and block.lines[0].startswith("$ ")):
        yield "a console block begins with a command, `$ …`"
    if block.comment and not (block.file or block.comment in (FAILS, *NOT_RUN)):
        yield f"<!-- {block.comment} --> is not a known mark"
    language = LANGUAGES[block.file.rpartition(".")[2]] if block.file else CONSOLE
    if block.comment and block.language != language:
        yield f"<!-- {block.comment} --> is for {language} blocks only"


def parse_commands(block: Block) -> list[Command]:
    """The commands of a console block."""
    found: list[Command] = []
    for number, line in enumerate(block.lines, block.line + 1):
        last = found[-1] if found else None
        if last and not last.output and _is_incomplete(last.text):
            found[-1] = Command(last.line, f"{last.text}\n{line}", ())
        elif line.startswith("$ "):
            found.append(Command(number, line[2:], ()))
        elif last:
            found[-1] = Command(last.line, last.text, (*last.output, line))
    return [Command(command.line, command.text, _strip_blanks(command.output)) for command in found]


def _is_incomplete(text: str) -> bool:
    return text.endswith("\\") or any(message in syntax_error(text) for message in _INCOMPLETE)


@functools.cache
def syntax_error(text: str) -> str:
    """What bash reports of a command before it runs it; empty if the command is well-formed."""
    return subprocess.run(
        ["bash", "-n"],
        input=f"{text}\n",
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    ).stderr


def _strip_blanks(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines without blanks at their ends, and without empty lines at the end."""
    return tuple("\n".join(line.rstrip() for line in lines).rstrip("\n").splitlines())


def find_difference(expected: Sequence[str], output: str) -> str | None:
    """The first expected line that nothing matches, in a sentence; None if the output is as expected."""
    printed = _strip_blanks(output.splitlines())
    matched = {0}  # how many printed lines the expected ones may have matched so far
    for line in expected:
        if line.strip() == _ANY:
            matched = set(range(min(matched), len(printed) + 1))
        else:
            matched = {count + 1 for count in matched if count < len(printed) and _matches(line, printed[count])}
        if not matched:
            return f"nothing fits: {line}"
    return None if len(printed) in matched else "there is more than expected"


def _matches(expected: str, printed: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in expected.split(_ANY)), printed) is not None


def describe_totals(pages: Sequence[Page]) -> str:
    """The sentence of the table of contents on how many blocks are run."""
    blocks = [block for page in pages for block in page.blocks]
    run, skipped = sum(block.is_run for block in blocks), sum(block.is_skipped for block in blocks)
    return f"{run} command blocks are run by a test; {skipped} need a real account or a server and are not."


# What the pages refer to.

_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|^ *\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
_HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*")
_MAKE = re.compile(r"\bmake\s+(?:[A-Z_]+=\S+\s+)*([a-z][a-z-]*)")


def find_links(page: Page) -> list[str]:
    """The targets of its links and pictures, as written, without those on other sites."""
    found = [match[1] or match[2] for match in _LINK.finditer(_CODE.sub("", page.prose))]
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def find_anchors(page: Page) -> set[str]:
    """The anchors of its headings."""
    names: Counter[str] = Counter()
    found = set()
    for heading in filter(None, map(_HEADING.fullmatch, page.prose.splitlines())):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
        name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        found.add(f"{name}-{names[name]}" if names[name] else name)
        names[name] += 1
    return found


def find_make_targets(page: Page) -> set[str]:
    """The targets of `make` in its code and commands."""
    code = [match[2] for match in _CODE.finditer(page.prose)]
    blocks = [block for block in page.blocks if block.language == CONSOLE]
    code += [command.text for block in blocks for command in parse_commands(block)]
    return {match[1] for text in code for match in _MAKE.finditer(text)}
