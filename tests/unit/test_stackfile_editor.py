"""Changes in the text of a stack file: only what changes is touched, whatever the file's style."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stacks.stackfile.editor import EditError, change_routers

KEY = "otc-flow-logs:routers"
NAMES = st.text("ab-, :#'\"{}[]é1", min_size=1, max_size=6)
LISTS = st.lists(NAMES, max_size=4, unique=True)
SELECTORS = st.fixed_dictionaries(
    {}, optional={"types": LISTS, "exclude": LISTS, "tags": st.dictionaries(NAMES, NAMES, max_size=2)}
)
ROUTER = st.fixed_dictionaries({"router": NAMES}, optional={"attachments": st.just("all") | LISTS | SELECTORS})
ROUTERS = st.dictionaries(st.sampled_from(["core", "edge", "on", "1"]), ROUTER, min_size=1)


class _Indented(yaml.SafeDumper):
    """Indents the dashes of lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


@st.composite
def in_some_style(draw: st.DrawFn, values: Any) -> str:
    """These values as YAML, with a numbered comment after each line and above it."""
    text: str = yaml.dump(
        values,
        Dumper=draw(st.sampled_from([yaml.SafeDumper, _Indented])),
        default_flow_style=draw(st.sampled_from([None, False])),
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
    )
    lines = [f"# above {index}\n{line}  # after {index}\n" for index, line in enumerate(text.splitlines())]
    return "".join(lines).replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@given(st.data(), ROUTERS)
def test_change_gives_the_new_values_in_any_style(data: st.DataObject, routers: dict[str, Any]) -> None:
    before: dict[str, Any] = {"config": {"region": "eu-de", KEY: routers}, "salt": "v1:x"}
    text = data.draw(in_some_style(before))
    left = {key: data.draw(deselected(router)) for key, router in routers.items() if data.draw(st.booleans())}

    edited = change_routers(text, left or routers)

    assert yaml.safe_load(edited) == {**before, "config": {**before["config"], KEY: left or routers}}
    lines, edited_lines = text.splitlines(), edited.splitlines()
    assert edited_lines[:4] == lines[:4]
    assert edited_lines[-2:] == lines[-2:]
    # What is not in the file before is at most one line for each key or name.
    new = [line for line in edited_lines if line not in lines]
    assert len(new) <= sum(1 + len(str(router.get("attachments")).split(",")) for router in left.values())


def deselected(router: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The router without some of its attachments."""
    requested = router.get("attachments")
    if isinstance(requested, list):
        lists = st.sets(st.sampled_from(requested)) if requested else st.just(set())
        return lists.map(lambda gone: {**router, "attachments": [text for text in requested if text not in gone]})
    selector = requested if isinstance(requested, dict) else {}
    excluded = selector.get("exclude", [])
    return LISTS.map(
        lambda names: {
            **router,
            "attachments": {**selector, "exclude": [*excluded, *(name for name in names if name not in excluded)]},
        }
    )


BEGIN = "config:  # our\n  otc-flow-logs:routers:\n"


@pytest.mark.parametrize(
    ("lines", "router", "expected"),
    [
        (
            "    core:\n      router: a  # one\n    # end\n",
            {"router": "a", "attachments": {"exclude": ["x"]}},
            "    core:\n      router: a  # one\n      attachments: {exclude: [x]}\n    # end\n",
        ),
        (
            "    core: {router: a, attachments: all} # one\n",
            {"router": "a", "attachments": {"exclude": ["x"]}},
            "    core: {router: a, attachments: {exclude: [x]}} # one\n",
        ),
        (
            "    core:\n      attachments:\n        exclude:\n        # lab\n        - x  # old\n\n    # end",
            {"attachments": {"exclude": ["x", "y z"]}},
            "    core:\n      attachments:\n        exclude:\n        # lab\n        - x  # old\n"
            '        - "y z"\n\n    # end',
        ),
        (
            "    core:\n      attachments: [x, y,\n        z]  # three\n",
            {"attachments": ["y"]},
            "    core:\n      attachments: [y]  # three\n",
        ),
        (
            "    core:\n      attachments:\n      - x\n      # second\n      - y  # why\n      router: a\n",
            {"attachments": [], "router": "a"},
            "    core:\n      attachments: []  # why\n      router: a\n",
        ),
        (
            "    core:\n      attachments:\n      - x\n      # second\n      - y  # why\n      router: a\n",
            {"attachments": ["x"], "router": "a"},
            "    core:\n      attachments:\n      - x\n      # second\n      router: a\n",
        ),
        (
            "    core:\n      attachments: {}\n      name: >-\n        long\n        text",
            {"attachments": {"exclude": ["x"]}, "name": "long text", "enabled": True},
            "    core:\n      attachments: {exclude: [x]}\n      name: >-\n        long\n        text\n"
            "      enabled: true\n",
        ),
    ],
)
def test_comments_and_layout_stay(lines: str, router: dict[str, Any], expected: str) -> None:
    assert change_routers(BEGIN + lines, {"core": router}) == BEGIN + expected


def test_router_leaves_with_its_lines_and_what_surrounds_it_stays() -> None:
    text = (
        f"{BEGIN}    # a\n    a:\n      router: x\n      # of a\n      name: n  # n\n\n    # b\n    b: {{router: y}}\n"
    )
    expected = f"{BEGIN}    # a\n\n    # b\n    b: {{router: y}}\n"
    assert change_routers(text, {"b": {"router": "y"}}) == expected


def test_what_an_alias_shares_is_not_changed() -> None:
    text = f"{BEGIN}    a: &both\n      attachments: [x, y]\n    b: *both\n"
    after = {"a": {"attachments": ["x"]}, "b": {"attachments": ["x", "y"]}}
    with pytest.raises(EditError, match="cannot be changed automatically, such as an alias"):
        change_routers(text, after)
