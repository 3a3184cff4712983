"""The comment on a pull request, from previews as the CLI prints them, and from larger and stranger ones."""

from __future__ import annotations

import html
import io
import itertools
import json
import random
import re
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi.runtime.rpc import UNKNOWN

from providers.er.sanitizing import replace_surrogates, sanitize
from providers.preview_notes import PreviewNotes
from providers.urn import FLOW_LOG_TYPE, LOG_GROUP_TYPE, LOG_STREAM_TYPE
from stacks.commands.review.__main__ import main
from stacks.commands.review.changes import review_stack
from stacks.commands.review.comment import LONGEST, MARKER, comment
from stacks.commands.review.markdown import code, prose
from stacks.commands.review.model import Kind, StackReview
from tests.unit.review_samples import (
    HOSTILE,
    PREVIEWS,
    events,
    flow_log,
    log_stream_step,
    move,
    read_recorded,
    reviews,
    stack_step,
    step,
    steps_of_every_kind,
)

DELETED = "**⚠️ 1 to delete: the record that it writes ends**"
MOVED = "**1 to move: the new flow log is created first, then the old one is deleted**"
REPLACED = "**⚠️ 1 to replace: deleted, and then created again**"
ARCHIVED = "`network/er-flow-logs` → `network/er-flow-logs-archive`"
NO_GAP = "`group-1/stream-1` → `group-1/stream-2`, no gap"


def review(text: str) -> str:
    return comment([review_stack("local", text)])


def review_steps(*steps: dict[str, Any]) -> str:
    return review(events(*steps))


def rows(text: str, title: str) -> list[list[str]]:
    """The cells of the table with this title."""
    below = text.split(title, 1)[1].split("| --- |\n", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in below.splitlines()]


# Recorded previews.


def test_review_shows_every_kind_of_change_by_name() -> None:
    text = review(read_recorded("mixed.jsonl"))

    assert text.startswith(f"{MARKER}\n## Flow logs: 1 to delete, 1 to move, 3 to change, 2 to create, 1 to import\n")
    assert "\n**1 to delete**, **1 to move**, 3 to change, 2 to create, 1 to import, 4 unchanged\n" in text
    deleted = "`core-vpc-shop-staging` (the attachment is gone)"
    assert rows(text, DELETED) == [["`er-core`", "`vpc-shop-staging`", deleted, "`network/er-flow-logs`"]]
    assert rows(text, MOVED) == [["`er-core`", "`vpc-payments`", "`core-vpc-payments`", f"{ARCHIVED}, no gap"]]
    ((router, attachment, name, target),) = rows(
        text, "**1 to import: it already exists and will be managed by this stack**"
    )
    assert (router, attachment) == ("`er-core`", "`vpc-taken`")
    assert target == (
        '`network/er-flow-logs`<br>description: `""` → `Everything that passes the core router`'
        f"<br>name: `by-hand-too` → {name}"
    )
    assert rows(text, "**2 to create**")[1][:2] == ["`er-edge`", "`vpc-new`"]
    assert "not logged on" not in text


def test_documentation_shows_the_review_of_recorded_previews() -> None:
    root = PREVIEWS.parents[2]
    pages = [page.read_text(encoding="utf-8") for page in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]]
    files = {"dev": "mixed.jsonl", "prod": "unchanged.jsonl"}
    text = comment([review_stack(stack, read_recorded(file)) for stack, file in files.items()])

    # In a quotation, headings would be those of the page.
    bold = re.sub(r"^#+ (.*)$", r"**\1**", text.removeprefix(f"{MARKER}\n"), flags=re.MULTILINE)
    assert any("\n".join(f"> {line}".rstrip() for line in bold.splitlines()) in page for page in pages)


def test_changes_by_hand_are_marked() -> None:
    text = review(read_recorded("mixed.jsonl"))

    name = "core-vpc-data-platform"
    assert [row[1:] for row in rows(text, "**3 to change**")] == [
        ["`vpc-data-platform`", f"`{name}` (was changed by hand)", f"name: `{name}` → `by-hand` → `{name}`"],
        ["`vpc-shop`", "`the-shop`", "name: `core-vpc-shop` → `the-shop`"],
        [
            "`vpc-edge-proxy`",
            "`edge-vpc-edge-proxy` (was changed by hand)",
            "enabled: `true` → `false` → `true`",
        ],
    ]
    assert "`core-vpn-office-bonn` (was deleted by hand)" in text


def test_flow_logs_of_a_first_preview_with_refresh_have_names() -> None:
    names = ["`er-core`", "`vpc-shop`", "`core-vpc-shop`", "`network/er-flow-logs`"]
    assert names in rows(review(read_recorded("first.jsonl")), "**10 to create**")


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}…")


@pytest.mark.parametrize("file", sorted(path.name for path in PREVIEWS.glob("*.jsonl")))
def test_no_recorded_preview_shows_an_id(file: str) -> None:
    assert not UUID.search(review(read_recorded(file)))


def test_skipped_attachments_have_rows_in_place_of_warnings() -> None:
    text = review(read_recorded("moved.jsonl"))

    assert rows(text, "**2 attachments selected, but not logged**") == [
        ["`er-core`", "`cfw-perimeter`", "is of type cfw, which cannot be logged"],
        ["`er-edge`", "`vpc-partner-lab`", "waits for the router's owner to accept it"],
    ]
    assert "- ⚠️" not in text


def test_change_after_import_counts_as_import_only() -> None:
    text = review(read_recorded("import.jsonl"))

    assert "## Flow logs: 8 to create, 2 to import\n" in text
    imported = rows(text, "**2 to import: they already exist and will be managed by this stack**")
    assert ["name: `by-hand` →" in row[3] for row in imported] == [False, True]


def test_merged_keys_of_a_router_are_nothing_to_do() -> None:
    assert review_stack("local", read_recorded("merged_keys.jsonl")).is_quiet


def test_destroyed_stack_is_called_that_once() -> None:
    steps = step("delete", 1, old=flow_log(1)), {**stack_step(old={}), "op": "delete"}
    text = review(events(*steps))
    assert "\n**to be destroyed**; **1 to delete**\n" in text
    assert [row[2] for row in rows(text, DELETED)] == ["`flow-log-00001`"]


@pytest.mark.parametrize("file", ["reasons.jsonl", "dropped_router.jsonl"])
def test_every_deletion_shows_its_reason_once(file: str) -> None:
    found = review_stack("local", read_recorded(file))

    reasons = {row.attachment: row.note for row in found.rows[Kind.DELETE]}
    selection = 'routers.edge.attachments: {"exclude": ["vpn-office-hamburg"]}'
    assert file == "dropped_router.jsonl" or reasons == {
        "vpc-data-platform": "the attachment is gone",
        "vpc-payments": "it is no longer selected because its tag 'env' is now 'retired' (was 'prod')",
        "vpc-shop": "the stack file declares only a flow log to network/er-flow-logs",
        "vpn-office-hamburg": f"it is no longer selected because the stack file has {selection}",
        "vpc-lab": "its router is no longer in the stack file",
    }
    assert all(reasons.values())
    assert found.unchanged == 6
    assert found.warnings == []


@pytest.mark.parametrize(
    ("file", "state", "reason"),
    [
        ("outcome_unknown.jsonl", "unknown", "it is unknown whether it was created"),
        ("failed.jsonl", "failed", "it has failed"),
        ("outcome_unknown.jsonl", "deleting", "its state: `deleting`"),
    ],
)
def test_replacement_because_of_a_state_shows_the_state(file: str, state: str, reason: str) -> None:
    text = review(read_recorded(file).replace('"state": "unknown"', f'"state": "{state}"'))
    assert rows(text, REPLACED) == [["`er-core`", "`vpc-shop`", "`core-vpc-shop`", reason]]


LOG_STORES = "**Log groups and streams**"


def test_flow_logs_to_new_streams_are_shown_with_their_names() -> None:
    text = review(read_recorded("new_log_groups.jsonl"))

    assert "## Flow logs: 10 to create; log groups and streams: 3 to create\n" in text
    created = {row[1]: row[3] for row in rows(text, "**10 to create**")}
    assert created["`vpc-shop`"] == "`network/er-flow-logs`"
    assert created["`vpc-partner-portal`"] == "`network/er-flow-logs-archive`"
    assert rows(text, LOG_STORES)[:2] == [
        ["`network`", "created", "`ttl_in_days`: `14`"],
        ["`network/er-flow-logs`", "created", "`ttl_in_days`: `14`"],
    ]


def test_log_groups_and_streams_are_shown_after_flow_logs() -> None:
    found = review_stack("local", read_recorded("log_groups.jsonl"))
    text = comment([found])

    counts = "1 to leave in the cloud, 3 to change, 1 to import, 2 to create"
    assert f"## Flow logs: 1 to move; log groups and streams: 1 to delete, {counts}\n" in text
    assert f"\n**1 to move**, 9 unchanged; log groups and streams: **1 to delete**, {counts}\n" in text
    deleted = ["`network/deleted`", "is deleted, with its records", "-"]
    assert rows(text, "**⚠️ Log groups and streams whose records are deleted**") == [deleted]
    left, network, *_, imported, created, by_hand = rows(text, LOG_STORES)
    assert left == ["`network/left`", "stays in the cloud, with its records", "-"]
    assert network[:2] == ["`network`", "changed (was changed by hand)"]
    assert network[2].split("<br>") == [
        "when it is no longer declared: `stays` → `is deleted`",
        "tag team: `(none)` → `network`",
        "`ttl_in_days`: `14` → `7` → `14`",
    ]
    assert imported == ["`security`", "imported", "`ttl_in_days`: `30` → `60`"]
    assert created == ["`network/core`", "created", "`ttl_in_days`: `90`"]
    assert by_hand[1] == "created (was deleted by hand)"
    assert found.warnings == []


# Built previews.


def test_change_of_a_log_stream_alone_is_something_to_do() -> None:
    kinds = {"ttl_in_days": "update"}
    found = review_stack("s", events(log_stream_step("update", 1, old={}, new={"ttl_in_days": 9}, kinds=kinds)))

    assert not found.is_quiet
    assert "## Flow logs: unchanged; log groups and streams: 1 to change\n" in comment([found])


@pytest.mark.parametrize(("deletes", "fate"), [(False, "stays in the cloud"), (True, "is deleted")])
def test_replaced_log_stream_shows_what_becomes_of_its_records(deletes: bool, fate: str) -> None:
    found = log_stream_step("replace", 1, old={"delete_with_data": deletes}, new={"delete_with_data": deletes})
    text = review_steps(found)

    assert f"| replaced by a new one: the old one {fate}, with its records |" in text
    assert ("**1 to replace**" in text) is deletes


@pytest.mark.parametrize(("group_id", "shown"), [("group-1", "`audit/flow`"), (UNKNOWN, "`flow`")])
def test_log_stores_of_a_program_are_shown_by_their_names(group_id: str, shown: str) -> None:
    urn = "urn:pulumi:s::p::{}::mine".format
    group = step(
        "same", type_=LOG_GROUP_TYPE, urn=urn(LOG_GROUP_TYPE), old={"id": "group-1", "inputs": {"name": "audit"}}
    )
    inputs = {"log_group_id": group_id, "name": "flow", "ttl_in_days": 3}
    stream = step("create", type_=LOG_STREAM_TYPE, urn=urn(LOG_STREAM_TYPE), new={"inputs": inputs})
    assert rows(review_steps(group, stream), LOG_STORES) == [[shown, "created", "`ttl_in_days`: `3`"]]


def test_stream_that_no_output_names_is_not_known_yet() -> None:
    ids = dict.fromkeys(("log_group_id", "log_stream_id"), UNKNOWN)
    text = review_steps(step("create", 1, new=flow_log(1, **ids)))

    assert [row[3] for row in rows(text, "**1 to create**")] == ["`(not known yet)`"]


def test_rows_are_sorted_by_how_much_they_matter() -> None:
    text = review_steps(*reversed(steps_of_every_kind(1)))

    titles = re.findall(r"^\*\*(?:⚠️ )?1 (to [a-z]+)(?=:|\*\*$)", text, re.MULTILINE)
    assert titles == ["to delete", "to move", "to replace", "to change", "to import", "to create"]
    assert "\n**1 to delete**, **1 to move**, **1 to replace**, 1 to change, 1 to create, 1 to import\n" in text


def test_move_is_one_row_with_both_streams_by_name() -> None:
    text = review(read_recorded("moved.jsonl"))

    assert "\n**2 to move**, 8 unchanged\n" in text
    title = "then the old ones are deleted; 1 of them disabled, so that nothing is written**"
    assert [row[2:] for row in rows(text, title)] == [
        [
            "`core-vpc-payments`",
            f"{ARCHIVED}, disabled: nothing is written<br>enabled: `true` → `false`",
        ],
        ["`core-vpc-shop`", f"{ARCHIVED}, no gap"],
    ]
    assert not [word for word in ("to delete", "to create", "- ⚠️ er-core") if word in text]


OTHER_STREAM = flow_log(1, log_stream_id="stream-2")


@pytest.mark.parametrize(
    ("steps", "counts"),
    [
        ([*move(1), step("delete", 3, old=flow_log(1, log_stream_id="stream-3"))], "1 to delete, 1 to move"),
        ([step("create", 1, new=flow_log(1)), step("delete", 2, old=flow_log(2))], "1 to delete, 1 to create"),
        ([move(1)[1], step("import", 1, new=OTHER_STREAM)], "1 to move"),
        ([step("replace", old=flow_log(1), new=OTHER_STREAM, kinds={"log_stream_id": "update-replace"})], "1 to move"),
    ],
    ids=["two deleted", "another attachment", "import", "replacement"],
)
def test_move_is_a_delete_and_a_create_for_one_attachment(steps: list[dict[str, Any]], counts: str) -> None:
    text = review_steps(*steps)
    assert f"## Flow logs: {counts}\n" in text
    if "move" in counts:
        assert [row[3] for row in rows(text, MOVED)] == [NO_GAP]


@pytest.mark.parametrize("is_reversed", [False, True])
def test_flow_logs_of_an_attachment_move_to_those_of_their_names(*, is_reversed: bool) -> None:
    old, new = {"a": "stream-1", "b": "stream-2", "c": "stream-5"}, {"a": "stream-4", "b": "stream-3"}
    steps = [
        *(step("delete", int(s[-1]), old=flow_log(1, name=name, log_stream_id=s)) for name, s in old.items()),
        *(step("create", int(s[-1]), new=flow_log(1, name=name, log_stream_id=s)) for name, s in new.items()),
    ]

    found = review_stack("s", events(*steps[:: -1 if is_reversed else 1]))

    moved = [(row.flow_log, row.moves_from[-8:], row.logs_to[-8:]) for row in found.rows[Kind.MOVE]]
    assert moved == [("a", "stream-1", "stream-4"), ("b", "stream-2", "stream-3")]
    note = "its attachment will be logged to group-1/stream-4, group-1/stream-3"
    assert [(row.flow_log, row.note) for row in found.rows[Kind.DELETE]] == [("c", note)]


def test_changes_of_several_flow_logs_of_an_attachment_name_the_stream() -> None:
    first, second = ((flow_log(1, log_stream_id=id_), flow_log(1, log_stream_id=id_, name="new")) for id_ in "ab")
    text = review_steps(
        step("update", 1, old=first[0], new=first[1], kinds={"name": "update"}),
        step("update", 2, old=second[0], new=second[1], kinds={"name": "update"}),
        step("update", 3, old=flow_log(3), new=flow_log(3, name="new"), kinds={"name": "update"}),
    )
    shown = [row[2] for row in rows(text, "**3 to change**")]
    assert shown == ["`new` (logs to `group-1/a`)", "`new` (logs to `group-1/b`)", "`new`"]


def test_replacement_that_deletes_first_is_no_move() -> None:
    states: dict[str, Any] = {"old": flow_log(1), "new": OTHER_STREAM, "kinds": {"log_stream_id": "update-replace"}}
    ops = ("delete-replaced", "replace", "create-replacement")
    first, last = (review_stack("s", events(*(step(op, **states) for op in order))) for order in (ops, ops[::-1]))

    ((row,), (moved,)) = first.rows[Kind.REPLACE], last.rows[Kind.MOVE]
    assert [(each.what, each.values) for each in row.differences] == [
        ("logs to", ["group-1/stream-1", "group-1/stream-2"])
    ]
    assert moved.moves_from == "group-1/stream-1"


@pytest.mark.parametrize(
    ("type_", "declared", "by_hand", "shown"),
    [
        (FLOW_LOG_TYPE, flow_log(1), {"name": "by-hand"}, [("name", "by-hand", "flow-log-00001")]),
        (
            LOG_STREAM_TYPE,
            {"inputs": {"ttl_in_days": 9, "tags": {"team": "a"}}},
            {"ttl_in_days": 7, "tags": {"team": "b"}},
            [("`ttl_in_days`", 7, 9), ("tag team", "b", "a")],
        ),
    ],
)
def test_what_was_changed_or_deleted_by_hand_shows_what_it_was(
    type_: str, declared: dict[str, Any], by_hand: dict[str, Any], shown: list[tuple[object, ...]]
) -> None:
    found = {"inputs": {**declared["inputs"], **by_hand}, "outputs": by_hand}
    changed = step("update", 1, old=found, new=declared, kinds=dict.fromkeys(by_hand, "update"))

    for steps, mark, values in (
        ((step("refresh", 1, old=declared, new=found), changed), "changed", "{0}: `{2}` → `{1}` → `{2}`"),
        ((step("refresh", 1, old=found), step("create", 1, new=declared)), "deleted", "{0}: `{1}` → `{2}`"),
    ):
        text = review_steps(*({**each, "urn": each["urn"].replace(FLOW_LOG_TYPE, type_)} for each in steps))
        assert f"(was {mark} by hand)" in text
        assert [each for each in shown if values.format(*each) not in text] == []


@pytest.mark.parametrize("key", ["er_id", "resource_id"])
def test_replacement_for_another_attachment_ends_a_record(key: str) -> None:
    new = flow_log(1, **{key: "another"})
    text = review_steps(step("replace", old=flow_log(1), new=new, kinds={key: "update-replace"}))

    assert "## Flow logs: 1 to delete, 1 to create\n" in text
    ((_, attachment, name, _),) = rows(text, DELETED)
    assert attachment == "`att-00001`"
    assert name == "`flow-log-00001` (its flow log is now declared for another attachment)"


def test_warnings_that_the_notes_do_not_repeat_are_shown() -> None:
    repeated, other = "core: att-00001 loses its flow log: why", "core: att-00002 is strange"
    notes = PreviewNotes(warnings=[repeated])
    assert list(review_stack("local", events(warnings=[repeated, other], notes=notes)).warnings) == [other]


def test_disabling_a_flow_log_is_as_loud_as_deleting_it() -> None:
    renamed = step("update", 1, old=flow_log(1), new=flow_log(1, name="x"), kinds={"name": "update"})
    disabled = step("update", 2, old=flow_log(2), new=flow_log(2, enabled=False), kinds={"enabled": "update"})

    text = review_steps(renamed, disabled)

    assert "**⚠️ 2 to change; 1 of them disabled, so that nothing is written**" in text
    assert [row[1] for row in rows(text, "2 to change;")] == ["`att-00002`", "`att-00001`"]


def test_order_of_steps_and_stacks_does_not_matter() -> None:
    lines, comments = read_recorded("mixed.jsonl").splitlines(), set()
    for seed in range(5):
        random.Random(seed).shuffle(lines)
        stacks = [("a", "\n".join(lines)), ("b", read_recorded("first.jsonl"))]
        comments.add(comment([review_stack(*stack) for stack in stacks[:: 1 if seed % 2 else -1]]))
    assert len(comments) == 1


def test_reasons_replace_a_missing_detailed_diff() -> None:
    new = flow_log(1, log_stream_id="stream-2", name="new")
    reasons: dict[str, Any] = {"diffs": ["log_stream_id", "name"], "keys": ["log_stream_id"]}
    ((*_, name, streams),) = rows(review_steps(step("replace", old=flow_log(1), new=new, **reasons)), MOVED)
    assert (name, streams) == ("`new`", f"{NO_GAP}<br>name: `flow-log-00001` → `new`")


def test_other_resources_are_shown_if_deleted_or_replaced() -> None:
    bucket = "aws:s3/bucket:Bucket"
    text = review_steps(
        step("delete", 1, old={}, type_=bucket),
        step("replace", 2, old={}, new={}, type_=bucket),
        step("create", 3, new={}, type_=bucket),
        step("delete", 4, old={}, type_="random:index/randomUuid:RandomUuid"),
        step("delete", 5, old={}, type_="pulumi:providers:aws"),
    )

    assert "## Flow logs: 1 to delete, 1 to replace\n" in text
    assert rows(text, "1 to delete:") == [["-", "-", f"`core-00001` (of type `{bucket}`)", "-"]]


LAST = {"name": "er-core", "attachments": {"att-00001": "vpc-1"}, "selections": {}, "first_key": "core"}
LAST_RUN = {"last_run": {"routers": {"er-1": {**LAST, "logs_to": {"stream-1": "network/all"}}}}}
EARLIER = {"att-00001": {"name": "vpc-1", "flow_logs": {"core-00001": {"logs_to": "network/all", "key": "core"}}}}


@pytest.mark.parametrize(
    "outputs",
    [
        LAST_RUN,
        {"otc_flow_logs": LAST_RUN, "routers": ["a program's own"]},
        {"routers": {"er-core": {"id": "er-1", "name": "er-core", "attachments": EARLIER, "selections": {}}}},
    ],
    ids=["stack file", "program", "earlier form"],
)
def test_destroyed_flow_logs_have_the_names_of_the_last_run(outputs: dict[str, Any]) -> None:
    destroyed = {**stack_step(old={"outputs": outputs}), "op": "delete"}
    deleted = [step("delete", 1, old=flow_log(1)), step("delete", 2, old=flow_log(2, log_stream_id="stream-2"))]

    text = review_steps(destroyed, *deleted)

    assert [(row[0], row[1], row[3]) for row in rows(text, "2 to delete:")] == [
        ("`er-core`", "`att-00002`", "`group-1/stream-2`"),
        ("`er-core`", "`vpc-1`", "`network/all`"),
    ]


def test_log_stores_of_the_preview_name_themselves() -> None:
    group = step("same", 1, type_=LOG_GROUP_TYPE, old={"id": "group-1", "inputs": {"name": "network"}})
    stream = step("same", 2, type_=LOG_STREAM_TYPE, old={"id": "stream-1", "inputs": {"name": "all"}})
    text = review_steps(group, stream, step("create", 1, new=flow_log(1)))
    assert [row[3] for row in rows(text, "**1 to create**")] == ["`network/all`"]


def test_names_come_from_the_notes_first() -> None:
    names = {"er-1": "er-new", "att-00001": "vpc-new", "group-1": "audit", "stream-1": "new"}
    before = stack_step(old={"outputs": LAST_RUN})
    notes = PreviewNotes(names=names, reasons={"core-00001": "it is why"})
    ((*found, name, logs_to),) = rows(review(events(before, step("delete", 1, old=flow_log(1)), notes=notes)), DELETED)
    assert (found, name, logs_to) == (["`er-new`", "`vpc-new`"], "`flow-log-00001` (it is why)", "`audit/new`")


def test_ids_are_shown_if_the_outputs_cannot_be_read() -> None:
    text = review_steps(stack_step(old={"outputs": {"last_run": 5}}), step("delete", 1, old=flow_log(1)))
    flow_log_and_reason = "`flow-log-00001` (it is no longer declared)"
    assert rows(text, DELETED) == [["`core`", "`att-00001`", flow_log_and_reason, "`group-1/stream-1`"]]


def test_no_other_parent_gives_the_router_its_name() -> None:
    of_program = {**flow_log(1), "parent": "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s"}
    assert rows(review_steps(step("delete", 1, old=of_program)), DELETED)[0][0] == "`er-1`"


def test_unchanged_flow_logs_are_counted_by_the_steps_of_the_preview() -> None:
    same = [step("same", number, old=flow_log(number), new=flow_log(number)) for number in (1, 1, 2, 3)]
    imported = step("import", 3, new=flow_log(3))
    assert review_stack("s", events(*same, imported)).unchanged == 2


# Previews that failed.


def test_failed_preview_shows_its_error() -> None:
    assert review(read_recorded("wrong_stack_file.jsonl")).splitlines() == [
        MARKER,
        "## Flow logs: 1 of 1 preview failed",
        "",
        "### Stack `local`",
        "",
        "❌ **The preview failed**, so the changes are unknown.",
        "",
        "- ❌ `otc-flow-logs:routers.core.log_group` in `stacks/Pulumi.local.yaml`: there is no log group with id or"
        " name 'netwrk'; known: network, security",
    ]


UNKNOWN_FORM = "its output has an unknown format"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        *((text, "it printed nothing to standard output") for text in ("", " \n")),
        (read_recorded("first.jsonl")[:5000], "its output is incomplete"),
        ("\n".join(read_recorded("first.jsonl").splitlines()[:-2]), "its output is incomplete"),
        ("zsh: command not found: pulumi", "its output is not the JSON of <code>&#96;pulumi preview&#96;</code>"),
        ("[]", "its output is not the JSON of <code>&#96;pulumi preview&#96;</code>"),
        *((text, "its output is one JSON document: set ") for text in ("{}", '{\n  "config": {},', '{"steps": []}')),
        *((events(found), UNKNOWN_FORM) for found in ({}, {"op": "same"}, {**step("same"), "old": 5})),
        (events({"op": "explode", "urn": "a::b::c::d"}), "it has an unknown operation"),
        (events(step("update")), "it lacks the state of a resource that it changes"),
    ],
)
def test_incomplete_preview_counts_as_failed(text: str, sentence: str) -> None:
    found = review(text)
    assert "## Flow logs: 1 of 1 preview failed\n" in found
    assert f"**The preview failed**, so the changes are unknown: {sentence}" in found


TRACEBACK = (
    "error: Program failed with an unhandled exception:\nTraceback (most recent call last):\n"
    '  File "/home/ann/__main__.py", line 5, in <module>\n    main()\nTypeError: 1 is not 2\n\n'
)

PROTECTED = (
    'error: resource "urn:pulumi:s::p::pulumi-python:dynamic/er:FlowLog::vpc-shop-757489f7" cannot be deleted\n'
    "because it is protected. To unprotect it, either remove the `protect` flag, or use the command:\n`pulumi …`"
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (events(errors=["error: no such plugin\n"]), "no such plugin"),
        ("error: no stack named 'nope' found\n", "no stack named 'nope' found"),
        (events(errors=[TRACEBACK]), "Program failed with an unhandled exception: TypeError: 1 is not 2"),
        (
            events(errors=[PROTECTED]),
            "`vpc-shop-757489f7` is protected, so it cannot be deleted: first set protect: false, in a run of its own",
        ),
    ],
    ids=["before the first step", "in place of JSON", "traceback", "protected"],
)
def test_error_of_a_failed_preview_is_one_line(text: str, sentence: str) -> None:
    assert review(text).endswith(f"\n- ❌ {sentence}")


def test_line_separators_in_names_do_not_end_an_event() -> None:
    text = read_recorded("first.jsonl").replace("vpn-office-bonn", "vpn\x85\u2028bonn")
    assert "`vpn bonn`" in review(text)


def test_secrets_and_config_are_not_printed() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:hunter2"}
    kinds = dict.fromkeys(("name", "description", "log_stream_id"), "update")
    old = flow_log(1, name=secret, description="[secret]", log_stream_id=secret)
    prelude = {"sequence": 0, "preludeEvent": {"config": {"otc-flow-logs:password": "hunter2"}}}

    text = review(f"{json.dumps(prelude)}\n{events(step('update', old=old, new=flow_log(1), kinds=kinds))}")

    assert not [word for word in ("hunter2", "1b47") if word in text]
    assert "name: `[secret]` → `flow-log-00001`" in text
    assert 'description: `[secret]` → `""`' in text
    assert "emulator" not in review(read_recorded("secret.jsonl"))


# Text from elsewhere.


REFERENCES = [
    *("@all", "me@example.org", "#12", "GH-12", "gh-12", "GL-12", "JIRA-12", "!12", "&3", "%4", "%v1.2", "$5"),
    *(
        "org/repo#12",
        "owner/repo@a5c3785",
        "a5c3785ed8d6a35868bc169f07e40e889087fd2e",
        "9ba12248...b19a04f5",
        "deadbeef",
    ),
    *(
        "[issue:1]",
        "[work_item:1]",
        "[epic:1]",
        "[vulnerability:1]",
        "[feature_flag:1]",
        "[cadence:1]",
        "[wiki_page:a]",
    ),
    *("[contact:a]", '[contact:"a b"]', "[[home]]", "[[_TOC_]]", "~12", "~label", '~"two words"', '%"two words"'),
    *('*iteration:"two words"', "*iteration:1", "^alert#1", "^epic", "namespace/project>", ":tada:", "/close", "$a$"),
    *("https://evil.example", "www.evil.example", "ftp://a", "mailto:a@b.c", "xmpp:a@b.c", "{+ a +}", "`a", "![](a)"),
]
"""What GitHub and GitLab link, notify or draw outside of code, from the pages that describe their Markdown."""

LINKED = re.compile(
    r"""[@#!&%~$^*/\[{][\w"+\[(]|\w[>_|\\]|[a-z]-\d|\b[0-9a-f]{7,40}\b|:\w+:|\w:\w|://|www\.|[`<>|\\*\[\]{}]""",
    re.IGNORECASE,
)
"""What some of these begin with."""


def shown_of(markdown: str) -> tuple[str, str]:
    """What a reader sees of a sentence, and the part of it that is not code."""
    in_code = re.compile("`([^`]+)`|<code>(.+?)</code>")
    seen = in_code.sub(lambda found: found[1] or html.unescape(found[2]), markdown)
    return seen, in_code.sub("·", markdown)


WORDS = ["plain", "vpc-shop", "it's", "7", "(see", "me),", "'a b'", '{"a":', '"b",', '["c', '"d"]}']


@given(st.lists(st.sampled_from([*REFERENCES, *HOSTILE[:-3], *WORDS])))
def test_sentences_are_shown_as_they_are_and_link_to_nothing(words: list[str]) -> None:
    text = " ".join(words)

    seen, outside = shown_of(prose(text, 10_000))

    assert seen == sanitize(replace_surrogates(text), 10_000)
    assert not LINKED.search(outside)


@pytest.mark.parametrize(
    ("sentence", "value"),
    [
        ("the file has routers.core.attachments: {}, which", '{"types": ["vpc", "vpn"], "exclude": []}'),
        ("it has {}.", '{"names": ["a] b", "c"], "include": ["plain", "words"]}'),
        ("it must be all or a list, not {}", '{"types": ["vpc", "vpn"], "exclude": ["a...'),
        ("these have {} and no more", '["one", "two", {"x": "plain"}]'),
    ],
)
def test_value_in_brackets_is_never_split_into_several_spans(sentence: str, value: str) -> None:
    shown = prose(sentence.format(value))

    inside = [span for span in re.findall("`(.+?)`", shown) if "{" in span or "[" in span]
    assert len(inside) == 1
    assert value.rstrip(".") in inside[0]


def test_bracket_that_is_never_closed_hides_no_plain_words() -> None:
    assert prose("the name [x is not known [y") == "the name `[x` is not known `[y`"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text: str) -> None:
    cell = code(text)
    assert len(cell) < 1000
    assert cell.encode()
    assert cell.isprintable()
    if cell.startswith("`"):
        assert not re.search("[`|<]", cell[1:-1])
    elif cell != "-":
        assert re.fullmatch(r"<code>([\w -]|&#\d+;)+</code>", cell)


def test_hostile_text_does_not_break_the_tables() -> None:
    steps = []
    for number, (first, second) in enumerate(itertools.pairwise(HOSTILE)):
        old = flow_log(number, name=first, resource_id=second, log_stream_id=first, er_id=second)
        new = flow_log(number, name=second, resource_id=first, log_stream_id=second, er_id=first)
        keys = ("name", "resource_id", "log_stream_id", "er_id", first or "x")
        steps.append(step("update", number, old=old, new=new, kinds=dict.fromkeys(keys, "update")))

    text = review(events(*steps, warnings=HOSTILE))

    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len(tables) == len(steps) + 2
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in tables)
    assert text.count("<!--") == 1


def test_long_text_is_shortened_with_an_ellipsis_but_errors_are_not() -> None:
    for text in ("ab " * 300, "x" * 501, "x" + " " * 5_000 + "y"):
        assert prose(text).endswith("…")
    error = "vpc-001 (by-hand-001, 1d0a6c5e), " * 40 + "set adopt now"
    assert "set adopt now" in comment([StackReview(stack="dev", is_failed=True, errors=[error])])


# Size.


def test_long_tables_are_folded_but_stay_open_if_they_are_loud() -> None:
    text = review_steps(*itertools.chain.from_iterable(map(steps_of_every_kind, range(21))))
    assert text.count("<details open><summary><b>⚠️ 21 to ") == 2
    assert text.count("<details open><summary><b>21 to move: ") == 1
    assert text.count("<details><summary><b>21 to ") == 3
    assert "<details" not in review_steps(*itertools.chain.from_iterable(map(steps_of_every_kind, range(20))))


@pytest.mark.parametrize(("stacks", "each"), [(1, 1000), (20, 100), (350, 2), (1000, 1)])
def test_comment_of_many_rows_keeps_deletions_longest(stacks: int, each: int) -> None:
    steps = itertools.chain.from_iterable(map(steps_of_every_kind, range(each)))
    found = review_stack("", events(*steps, warnings=["w" * 400]))
    text = comment(replace(found, stack=f"stack-{number:04}") for number in range(stacks))

    assert LONGEST - 3000 < len(text) <= LONGEST
    assert f"## Flow logs: {stacks * each:,} to delete, {stacks * each:,} to move, " in text
    shown = len(re.findall(r"^\| `er-1`|^\| `core`", text, re.MULTILINE)) + text.count("- ⚠️")
    left_out = stacks * (each * 6 + 1) - shown
    assert f"**There was no room for {left_out:,} rows of tables and lists" in text
    if stacks <= 20:
        assert text.count(f"**{each:,} to delete**") == stacks
        deleted = rows(text, f"{each:,} to delete:")
        assert f"… and {each - len(deleted):,} more: `STACK=stack-0000 make preview`\n" in text
        assert len(deleted) > 20
        assert "to create</b>" not in text
    elif stacks == 350:
        assert text.count("### Stack `stack-") == stacks
        assert text.count("to delete: ") > 90
        assert "to move: " not in text
    else:
        assert re.search(r"and [\d,]+ whole stacks\*\*: `STACK=… make preview` shows them\.$", text)


def test_failed_stacks_and_deletions_are_kept_longest() -> None:
    quiet, deleting = (review_stack("y", read_recorded(file)) for file in ("unchanged.jsonl", "dropped_router.jsonl"))
    loud = [deleting, review_stack("z", "")]

    text = comment([quiet, *loud])
    assert text.startswith(f"{MARKER}\n## Flow logs: 1 of 3 previews failed, 4 to delete\n")
    order = ("### Stack `y`", "4 to delete: the records that they write end", "### Stack `z`", "**`y`**: nothing to do")
    assert sorted(map(text.index, order)) == [text.index(part) for part in order]

    text = comment([*(replace(quiet, stack=f"a{number:04}") for number in range(1000)), *loud])
    assert len(text) <= LONGEST
    assert "### Stack `y`" in text
    assert "### Stack `z`" in text


@settings(max_examples=10)
@given(reviews([*HOSTILE, "vpc-shop"], stacks=st.integers(0, 10**6).map(str), longest=30), st.integers(1000, 20_000))
def test_comment_is_never_longer_than_allowed(several: list[StackReview], longest: int) -> None:
    text = comment(several, longest)
    assert len(text) <= longest
    assert text.count("<details") == text.count("</details>") + text.count("`<details")


# The command.


def test_command_prints_the_comment_of_all_previews(capsys: pytest.CaptureFixture[str]) -> None:
    files = [f"dev={PREVIEWS / 'mixed.jsonl'}", f"prod={PREVIEWS / 'wrong_stack_file.jsonl'}"]
    assert main(files[:1]) == 0
    assert capsys.readouterr().out == comment([review_stack("dev", read_recorded("mixed.jsonl"))]) + "\n"
    assert main(files) == 1
    assert re.findall("### Stack `(.*)`", capsys.readouterr().out) == ["dev", "prod"]


def test_command_reads_one_preview_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(read_recorded("unchanged.jsonl").encode())))
    assert main(["dev=-"]) == 0
    assert capsys.readouterr().out.endswith("## Flow logs: nothing to do\n\n**`dev`**: nothing to do, 10 unchanged\n")


TWICE = (["dev=-", "prod=-"], ["dev=a", "dev=b"])


@pytest.mark.parametrize("options", [[], ["--text"]])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: python -m stacks.review [--text] STACK=FILE..."),
        *(([argument], "usage:") for argument in ("dev", "=file", "d`e`v=file")),
        *((twice, "error: each stack, and standard input, may be given only once") for twice in TWICE),
        (["dev=/none"], "error: cannot read /none"),
    ],
)
def test_command_refuses_wrong_arguments(
    capsys: pytest.CaptureFixture[str], options: list[str], arguments: list[str], message: str
) -> None:
    assert main([*options, *arguments]) == 2
    assert capsys.readouterr().err.startswith(message)
