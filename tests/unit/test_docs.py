"""The documentation: that it is written as its tests read it, and that what it refers to is there."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.docs import (
    CHECKOUT,
    Page,
    anchors,
    commands,
    complaint,
    difference,
    links,
    make_targets,
    pages,
    read_page,
    totals,
)

PAGES = {page.name: page for page in pages()}
INDEX = "docs/README.md"

FAULTS = """curl -X PUT http://127.0.0.1:8990/_emulator/faults -d '{"seed": 1, "faults": [
    {"kind": "error", "status": 503},
    {"kind": "hang_up", "times": 1}]}'"""
HERE_DOCUMENT = "cat <<'END'\n$ not a command\nEND"


def page_of(*lines: str) -> Page:
    return read_page("page.md", "\n".join(lines))


def console(*lines: str) -> list[tuple[int, str, tuple[str, ...]]]:
    (block,) = page_of("```console", *lines, "```").blocks
    return [(command.line, command.text, command.prints) for command in commands(block)]


# What a page is made of.


def test_a_page_has_fenced_blocks_with_the_comment_directly_above() -> None:
    page = page_of(
        "# Title",
        "<!-- needs a server -->",
        "```console",
        "$ one",
        "```",
        "1. In a list:",
        "   ```console title=x",
        "   $ two",
        "       ```",
        "````text",
        "```console",
        "````",
        "<!-- in stacks/Pulumi.team.yaml -->",
        "```yaml",
        "config:",
        "  key: value",
        "```",
    )
    assert page.mistakes == ()
    assert [(block.line, block.language, block.comment, block.lines) for block in page.blocks] == [
        (3, "console", "needs a server", ("$ one",)),
        (7, "console", "", ("$ two",)),
        (10, "text", "", ("```console",)),
        (14, "yaml", "in stacks/Pulumi.team.yaml", ("config:", "  key: value")),
    ]
    assert [block.is_left_out for block in page.blocks] == [True, False, False, False]
    assert [block.is_run for block in page.blocks] == [False, True, False, False]
    assert [block.file for block in page.blocks] == [None, None, None, "stacks/Pulumi.team.yaml"]


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        (["```console", "$ one"], "page.md:1: the block has no end"),
        (["```console", "make up", "```"], "page.md:1: a console block begins with a command, `$ …`"),
        (["```console", "```"], "page.md:1: a console block begins with a command, `$ …`"),
        (
            ["<!-- fails -->", "", "```console", "$ one", "```"],
            "page.md:1: <!-- fails --> is not directly above a block",
        ),
        (["<!-- fails -->"], "page.md:1: <!-- fails --> is not directly above a block"),
        (["<!-- needs luck -->", "```console", "$ one", "```"], "<!-- needs luck --> is nothing that a test knows"),
        (["<!-- fails: so -->", "```console", "$ one", "```"], "<!-- fails: so --> is nothing that a test knows"),
        (["<!--fails-->", "```text", "```"], "page.md:2: <!-- fails --> is for console blocks only"),
        (["<!-- in stacks/a.yaml -->", "```yaml", "```"], "<!-- in stacks/a.yaml --> is nothing that a test knows"),
        (["<!-- in stacks/Pulumi.a.yaml -->", "```console", "$ a", "```"], "is for yaml blocks only"),
    ],
)
def test_what_is_not_as_the_format_has_it_is_told(lines: list[str], mistake: str) -> None:
    assert mistake in "\n".join(page_of(*lines).mistakes)


def test_a_command_goes_on_as_long_as_a_shell_needs_more_and_what_follows_is_its_output() -> None:
    assert console("$ make up", "…", "", "Resources:  ", "", "$ make destroy   # all", "", "$ true") == [
        (2, "make up", ("…", "", "Resources:")),
        (7, "make destroy   # all", ()),
        (9, "true", ()),
    ]


@pytest.mark.parametrize(
    "command", ["a \\\n  b", "a |\n  b", "a 'b\n\nc'", "for a in b; do\n  c\ndone", FAULTS, HERE_DOCUMENT]
)
def test_a_command_of_several_lines_is_one(command: str) -> None:
    lines = f"$ {command}".splitlines()
    assert console(*lines, "done", "$ next") == [(2, command, ("done",)), (3 + len(lines), "next", ())]


def test_a_command_that_is_wrong_is_not_taken_for_one_that_goes_on() -> None:
    assert console("$ echo )", "oops") == [(2, "echo )", ("oops",))]


# Whether an output is as expected.


@pytest.mark.parametrize(
    ("expected", "output"),
    [
        (["one", "two"], "one\ntwo\n"),
        (["one"], "one  \n\n\n"),
        (["…"], ""),
        (["…", "two", "  …"], "two\n"),
        (["…", "two", "…"], "one\ntwo\ntwo\nthree\n"),
        (["one", "…", "two"], "one\none\ntwo\ntwo\n"),
        (["Duration: …s"], "Duration: 3s\n"),
        (["a … [c] …"], "a b [c] d\n"),
    ],
)
def test_an_output_is_as_expected(expected: list[str], output: str) -> None:
    assert difference(expected, output) is None


@pytest.mark.parametrize(
    ("expected", "output", "told"),
    [
        (["one", "two"], "one\n", "nothing fits: two"),
        (["one"], "One\n", "nothing fits: one"),
        (["one"], "  one\n", "nothing fits: one"),
        (["one"], "one\ntwo\n", "there is more than expected"),
        (["…", "two", "three"], "one\ntwo\nfour\n", "nothing fits: three"),
        (["Duration: …s"], "Duration: 3m\n", "nothing fits: Duration: …s"),
    ],
)
def test_an_output_that_is_not_as_expected_is_told_by_the_first_line_that_is_missing(
    expected: list[str], output: str, told: str
) -> None:
    assert difference(expected, output) == told


@given(st.lists(st.sampled_from(["a", "b", "…"]), max_size=6), st.lists(st.sampled_from(["a", "b"]), max_size=6))
def test_lines_left_out_stand_for_any_number_of_lines(expected: list[str], printed: list[str]) -> None:
    pattern = "".join("(?:.\n)*" if line == "…" else f"{line}\n" for line in expected)
    output = "".join(f"{line}\n" for line in printed)
    assert (difference(expected, output) is None) == (re.fullmatch(pattern, output) is not None)


# What a page refers to.


def test_links_are_those_of_the_prose_to_this_project() -> None:
    page = page_of(
        "See [one](a.md) and ![a",
        'picture](b.png), [`code`](c.md#part "title"), not `[x](y)` or [there](https://example.com).',
        "```text",
        "[z](z.md)",
        "```",
        "[ref]: d.md",
    )
    assert links(page) == ["a.md", "b.png", "c.md#part", "d.md"]


def test_anchors_are_named_as_a_forge_names_them() -> None:
    page = page_of("# `metadata=skip`", "## What's new, in 2.0?", "## A [link](x.md) of_it", "## Same", "# Same")
    assert anchors(page) == {"metadataskip", "whats-new-in-20", "a-link-of_it", "same", "same-1"}


def test_make_targets_are_those_of_code_and_commands() -> None:
    page = page_of(
        "To make sure, `make up`, ``STACK=dev make",
        "destroy`` or `make ROUTER=er-core adopt`.",
        "```console",
        '$ eval "$(make env)"',
        "to make nothing",
        "```",
    )
    assert make_targets(page) == {"up", "destroy", "adopt", "env"}


def test_the_totals_count_what_is_run_and_what_is_left_out() -> None:
    page = page_of("```console", "$ a", "```", "<!-- needs a server -->", "```console", "$ b", "```", "```sh", "```")
    assert totals([page, page]) == (
        "2 command blocks are run by a test; 2 need a real account or a server and are not."
    )


# The pages that there are.


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_is_written_in_the_format_that_its_test_reads(page: Page) -> None:
    assert not page.mistakes, "\n".join(page.mistakes)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_shell_can_read_every_command_of_a_page(page: Page) -> None:
    typed = itertools.chain.from_iterable(commands(block) for block in page.blocks if block.language == "console")
    complaints = [f"{page.name}:{command.line}: {said}" for command in typed if (said := complaint(command.text))]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_links_of_a_page_lead_somewhere(page: Page) -> None:
    astray = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = _target(page, path)
        # What an anchor in a file of another kind means (a line, mostly) is for its viewer to say.
        headings = anchor and target.suffix == ".md"
        if not target.exists() or (headings and anchor not in anchors(read_page(path, target.read_text("utf-8")))):
            astray.append(link)
    assert not astray, f"{page.name} has links that lead nowhere: {', '.join(astray)}"


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_make_targets_of_a_page_exist(page: Page) -> None:
    targets = re.findall(r"^([a-z][a-z-]*):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert not make_targets(page) - set(targets)


def test_the_index_leads_to_every_page() -> None:
    found = {_target(PAGES[INDEX], link.partition("#")[0]) for link in links(PAGES[INDEX])}
    found |= {folder / "README.md" for folder in found}
    missing = [name for name in PAGES if name.startswith("docs/") and CHECKOUT / name not in found and name != INDEX]
    assert not missing, f"{INDEX} has no link to {', '.join(missing)}"


def test_the_index_says_how_many_command_blocks_are_run() -> None:
    sentence = totals(list(PAGES.values()))
    assert sentence in " ".join(PAGES[INDEX].prose.split()), f"{INDEX} has to say: {sentence}"


def _target(page: Page, path: str) -> Path:
    """Where a path in a link of the page leads; the page itself, if it is empty."""
    here = CHECKOUT / page.name
    return (here.parent / path).resolve() if path else here
