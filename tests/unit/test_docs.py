"""The documentation has the format that its tests read, and what it refers to exists."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel

from emulator.faults.plan import KINDS, Fault
from providers.config import CONFIG_KEYS
from providers.log_group_provider import LogGroupProvider
from providers.log_store_provider import OUTPUTS_ONLY as LOG_OUTPUTS
from providers.log_stream_provider import LogStreamProvider
from providers.schema import OUTPUTS_ONLY, SCHEMA
from stacks.stackfile import model
from tests import docs
from tests.docs import CHECKOUT, Page, find_links, parse_commands, parse_page

PAGES = {page.name: page for page in docs.load_pages()}
INDEX = "docs/README.md"
MAKE_TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (CHECKOUT / "Makefile").read_text("utf-8"), re.MULTILINE))
HERE_DOCUMENT = "cat <<'END'\n$ not a command\nEND"

each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


def page_of(*lines: str) -> Page:
    return parse_page("page.md", "\n".join(lines))


def commands_of(*lines: str) -> list[tuple[int, str, tuple[str, ...]]]:
    (block,) = page_of("```console", *lines, "```").blocks
    return [(command.line, command.text, command.output) for command in parse_commands(block)]


def test_page_has_fenced_blocks_with_marks_directly_above() -> None:
    page = page_of(
        *("# Title", "<!-- needs a server -->", "```console", "$ one", "```"),
        *("1. In a list:", "   ```console title=x", "   $ two", "       ```"),
        *("````text", "```console", "````"),
        *("<!-- in stacks/Pulumi.team.yaml -->", "```yaml", "config:", "  key: value", "```"),
        *("<!-- in examples/shop/__main__.py -->", "```python", "```"),
    )
    assert page.mistakes == ()
    assert [(block.line, block.language, block.lines, block.is_run, block.is_skipped) for block in page.blocks] == [
        (3, "console", ("$ one",), False, True),
        (7, "console", ("$ two",), True, False),
        (10, "text", ("```console",), False, False),
        (14, "yaml", ("config:", "  key: value"), False, False),
        (19, "python", (), False, False),
    ]
    files = [block.file for block in page.blocks if block.file]
    assert files == ["stacks/Pulumi.team.yaml", "examples/shop/__main__.py"]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("```console\n$ one", "page.md:1: the block has no end"),
        ("```console\nmake up\n```", "page.md:1: a console block begins with a command, `$ …`"),
        ("```console\n```", "page.md:1: a console block begins with a command, `$ …`"),
        ("<!-- fails -->\n\n```console\n$ one\n```", "page.md:1: <!-- fails --> is not directly above a block"),
        ("<!-- fails -->", "page.md:1: <!-- fails --> is not directly above a block"),
        ("<!-- needs luck -->\n```console\n$ one\n```", "<!-- needs luck --> is not a known mark"),
        ("<!-- fails: so -->\n```console\n$ one\n```", "<!-- fails: so --> is not a known mark"),
        ("<!--fails-->\n```text\n```", "page.md:2: <!-- fails --> is for console blocks only"),
        ("<!-- in stacks/a.yaml -->\n```yaml\n```", "<!-- in stacks/a.yaml --> is not a known mark"),
        ("<!-- in stacks/Pulumi.a.yaml -->\n```console\n$ a\n```", "is for yaml blocks only"),
        ("<!-- in examples/a/b.py -->\n```yaml\n```", "is for python blocks only"),
    ],
)
def test_deviation_from_format_is_reported(text: str, mistake: str) -> None:
    assert mistake in "\n".join(page_of(text).mistakes)


def test_lines_below_command_are_its_output() -> None:
    assert commands_of("$ make up", "…", "", "Resources:  ", "", "$ make destroy   # all", "", "$ true") == [
        (2, "make up", ("…", "", "Resources:")),
        (7, "make destroy   # all", ()),
        (9, "true", ()),
    ]


@pytest.mark.parametrize(
    "command", ["a \\\n  b", "a |\n  b", "a 'b\n\nc'", "for a in b; do\n  c\ndone", HERE_DOCUMENT, "echo )"]
)
def test_command_continues_while_shell_needs_more_lines(command: str) -> None:
    lines = f"$ {command}".splitlines()
    assert commands_of(*lines, "done", "$ next") == [(2, command, ("done",)), (3 + len(lines), "next", ())]


@pytest.mark.parametrize(
    ("expected", "output", "difference"),
    [
        (["one", "two"], "one\ntwo\n", None),
        (["one"], "one  \n\n\n", None),
        (["…"], "", None),
        (["…", "two", "…"], "one\ntwo\ntwo\nthree\n", None),
        (["one", "…", "two"], "one\none\ntwo\ntwo\n", None),
        (["…", "…", "one", "…", "two"], "one\ntwo\none\ntwo\n", None),
        (["a … [c] …"], "a b [c] d\n", None),
        (["one", "two"], "one\n", "nothing fits: two"),
        (["one"], "One\n", "nothing fits: one"),
        (["one"], "  one\n", "nothing fits: one"),
        (["one"], "one\ntwo\n", "there is more than expected"),
        (["…", "two", "three"], "one\ntwo\nfour\n", "nothing fits: three"),
        (["Duration: …s"], "Duration: 3m\n", "nothing fits: Duration: …s"),
    ],
)
def test_first_missing_line_of_output_is_reported(expected: list[str], output: str, difference: str | None) -> None:
    assert docs.find_difference(expected, output) == difference


def test_links_are_found_in_prose_only() -> None:
    page = page_of(
        *("See [one](a.md) and ![a", 'picture](b.png), [`code`](c.md#part "title"), not `[x](y)`'),
        *("or [there](https://example.com).", "```text", "[z](z.md)", "```", "[ref]: d.md"),
    )
    assert find_links(page) == ["a.md", "b.png", "c.md#part", "d.md"]


def test_anchors_have_names_that_forges_give_them() -> None:
    page = page_of("# `metadata=skip`", "## What's new, in 2.0?", "## A [link](x.md) of_it", "## Same", "# Same")
    assert docs.find_anchors(page) == {"metadataskip", "whats-new-in-20", "a-link-of_it", "same", "same-1"}


def test_make_targets_are_found_in_code_and_commands() -> None:
    page = page_of(
        *("To make sure, `make up`, ``STACK=dev make", "destroy`` or `make ROUTER=er-core adopt`."),
        *("```console", '$ eval "$(make env)"', "to make nothing", "```"),
    )
    assert docs.find_make_targets(page) == {"up", "destroy", "adopt", "env"}


@each_page
def test_page_has_expected_format(page: Page) -> None:
    assert not page.mistakes, "\n".join(page.mistakes)


@each_page
def test_shell_can_parse_every_command_of_page(page: Page) -> None:
    typed = [command for block in page.blocks if block.language == "console" for command in parse_commands(block)]
    errors = [f"{page.name}:{command.line}: {error}" for command in typed if (error := docs.syntax_error(command.text))]
    assert not errors, "\n".join(errors)


@each_page
def test_links_of_page_lead_to_existing_places(page: Page) -> None:
    broken = []
    for link in find_links(page):
        path, _, anchor = link.partition("#")
        target = resolve(page, path)
        # Anchors in files of other kinds are mostly lines.
        is_heading = anchor and target.suffix == ".md"
        if not target.exists() or (
            is_heading and anchor not in docs.find_anchors(parse_page(path, target.read_text("utf-8")))
        ):
            broken.append(link)
    assert not broken, f"{page.name} has broken links: {', '.join(broken)}"


@each_page
def test_make_targets_of_page_exist(page: Page) -> None:
    assert not docs.find_make_targets(page) - MAKE_TARGETS


def stack_file_keys() -> set[str]:
    models = [value for value in vars(model).values() if isinstance(value, type) and issubclass(value, BaseModel)]
    return {*CONFIG_KEYS, *(key for each in models for key in each.model_fields)}


def environment_variables() -> set[str]:
    files = [file for folder in ("providers", "stacks", "tools") for file in (CHECKOUT / folder).rglob("*.py")]
    texts = [file.read_text(encoding="utf-8") for file in files]
    internal = {"OTC_FLOW_LOGS_SIGN_IN", "OTC_FLOW_LOGS_STATE", "OTC_FLOW_LOGS_VENV"}
    return {name for text in texts for name in re.findall(r"\b(?:OS|OTC_FLOW_LOGS)_[A-Z_]*[A-Z]\b", text)} - internal


def emulator_names() -> set[str]:
    options, commands = ((CHECKOUT / "emulator" / file).read_text("utf-8") for file in ("__main__.py", "admin.py"))
    found = re.findall(r'"(--[a-z-]+)"', options) + re.findall(r'(?:\badd\(|\bChange\(\s*)"([a-z-]+)"', commands)
    return {*found, *KINDS, *(field.name for field in fields(Fault))}


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("flow-log", {*SCHEMA.names, *OUTPUTS_ONLY}),
        ("log-group", {*LogGroupProvider.schema.names, *LOG_OUTPUTS}),
        ("log-stream", {*LogStreamProvider.schema.names, *LOG_OUTPUTS}),
        ("stack-file", stack_file_keys()),
        ("emulator", emulator_names()),
        ("commands", {*environment_variables(), *(f"make {target}" for target in MAKE_TARGETS - {"help"})}),
    ],
)
def test_reference_page_has_all_names_of_code(page: str, names: set[str]) -> None:
    text = PAGES[f"docs/reference/{page}.md"].prose
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_page_on_architecture_names_every_package_and_existing_files() -> None:
    named = set(re.findall(r"`([a-z._]+/[\w./-]*)`", PAGES["docs/architecture.md"].prose))
    rooms = [file.parent.relative_to(CHECKOUT) for file in CHECKOUT.glob("[!b]*/*/__init__.py")]
    assert [name for name in sorted(named) if not (CHECKOUT / name).exists()] == []
    assert [room for room in map(str, rooms) if not named & {room, f"{room}/"}] == []


def test_table_of_contents_links_to_every_page() -> None:
    found = {resolve(PAGES[INDEX], link.partition("#")[0]) for link in find_links(PAGES[INDEX])}
    missing = [name for name in PAGES if name.startswith("docs/") and CHECKOUT / name not in found and name != INDEX]
    assert not missing, f"{INDEX} has no link to {', '.join(missing)}"


def test_table_of_contents_has_number_of_tested_blocks() -> None:
    sentence = docs.describe_totals(list(PAGES.values()))
    assert sentence in " ".join(PAGES[INDEX].prose.split()), f"{INDEX} must say: {sentence}"


def test_readme_has_at_most_900_words() -> None:
    assert len((CHECKOUT / "README.md").read_text(encoding="utf-8").split()) <= 900


def test_changelog_begins_with_current_version() -> None:
    version = re.search(r'^version = "(.+)"$', (CHECKOUT / "pyproject.toml").read_text(), re.MULTILINE)
    first = re.search(r"^## (\S+)", (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None
    assert first is not None
    assert first[1] == version[1]


def resolve(page: Page, path: str) -> Path:
    """Where a path in a link of the page leads; the page itself, if it is empty."""
    here = CHECKOUT / page.name
    return (here.parent / path).resolve() if path else here
