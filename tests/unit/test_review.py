"""The comment for a pull request, from previews as the CLI prints them, and from larger and stranger ones."""

from __future__ import annotations

import io
import itertools
import json
import random
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.flow_log_provider import TYPE_TOKEN
from stacks.commands.review.__main__ import main
from stacks.commands.review.changes import review
from stacks.commands.review.comment import LONGEST, MARKER, comment
from stacks.commands.review.markdown import code, prose
from stacks.commands.review.model import Difference, Kind, Row, StackReview

PREVIEWS = Path(__file__).parent / "previews"
HOSTILE = [
    "a|b",
    "`code`",
    "``` fence",
    "<img src=x onerror=alert(1)>",
    "<!-- otc-flow-logs review -->",
    "--> <b>",
    "@team and @all",
    "#12 !34 ~label $5 %7 &8 ^9",
    "[here](https://evil.example)",
    "https://evil.example www.evil.example",
    "**bold** __bold__ ~~gone~~",
    "two\nlines\r\n| --- |",
    "\x00\x07\x1b[31mred\u2028",
    "\u202egnp.exe",
    "\ud800",
    "\\",
    "&lt;b&gt; &#60;",
    "x" * 3000,
    "",
]


def recorded(file: str) -> str:
    return (PREVIEWS / file).read_text(encoding="utf-8")


def written(text: str, stack: str = "local") -> str:
    return comment([review(stack, text)])


def rows(text: str, title: str) -> list[list[str]]:
    """The cells of the table under this title."""
    below = text.split(title, 1)[1].split("| --- |\n", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in below.splitlines()]


def flow_log(number: int, **changes: Any) -> dict[str, Any]:
    inputs = {
        "er_id": "er-1",
        "resource_id": f"att-{number:05}",
        "log_group_id": "group-1",
        "log_stream_id": "stream-1",
        "name": f"flow-log-{number:05}",
        "description": "",
        "enabled": True,
        **changes,
    }
    return {"parent": "urn:pulumi:s::p::otc-flow-logs:index:RouterFlowLogs::core", "inputs": inputs}


def step(
    op: str,
    number: int = 0,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    type_: str = TYPE_TOKEN,
    **rest: Any,
) -> dict[str, Any]:
    states = {"oldState": old, "newState": new}
    return {
        "op": op,
        "urn": f"urn:pulumi:s::p::otc-flow-logs:index:RouterFlowLogs${type_}::core-{number:05}",
        **{key: state for key, state in states.items() if state is not None},
        **rest,
    }


def document(*steps: dict[str, Any], warnings: list[str] | None = None) -> str:
    diagnostics = [{"message": f"warning: {one}\n", "severity": "warning"} for one in warnings or ()]
    return json.dumps({"config": {}, "steps": steps, "diagnostics": diagnostics})


def everything_at(number: int) -> list[dict[str, Any]]:
    """One step of each kind, but for moves, which take two."""
    numbers = itertools.count(number * 10)
    changed = {"name": {"kind": "update"}}
    failed = {"state": {"kind": "update-replace"}}
    return [
        step("delete", n := next(numbers), old=flow_log(n)),
        *move(next(numbers)),
        step("replace", n := next(numbers), old=flow_log(n, state="failed"), new=flow_log(n), detailedDiff=failed),
        step("update", n := next(numbers), old=flow_log(n), new=flow_log(n, name=f"new-{n}"), detailedDiff=changed),
        step("import", n := next(numbers), new=flow_log(n)),
        step("create", n := next(numbers), new=flow_log(n)),
    ]


def move(number: int, **changes: Any) -> list[dict[str, Any]]:
    """The steps of a move to another stream: a create and a delete of two resources."""
    new = flow_log(number, log_stream_id="stream-2", **changes)
    return [step("create", number, new=new), step("delete", number + 50_000, old=flow_log(number))]


NO_GAP = "**1 to move: the new flow log is made first, then the old one is deleted, so that no record has a gap**"
ARCHIVED = "`network/er-flow-logs` → `network/er-flow-logs-archive`"


def test_a_recorded_preview_of_everything_at_once_is_told_by_name() -> None:
    text = written(recorded("mixed.jsonl"))

    assert text.startswith(f"{MARKER}\n## Flow logs: 1 to delete, 1 to move, 3 to change, 2 to create, 1 to import\n")
    assert "\n**1 to delete**, **1 to move**, 3 to change, 2 to create, 1 to import, 4 unchanged\n" in text
    assert rows(text, "**⚠️ 1 to delete: the record that it writes ends**") == [
        [
            "`er-core`",
            "`vpc-shop-staging`",
            "`core-vpc-shop-staging-4ce7dd7c` (the attachment is gone)",
            "`network/er-flow-logs`",
        ]
    ]
    assert rows(text, NO_GAP) == [["`er-core`", "`vpc-payments`", "`core-vpc-payments-8bd9e320`", ARCHIVED]]
    assert rows(text, "**3 to change**")[1] == [
        "`er-core`",
        "`vpc-shop`",
        "`the-shop`",
        "name: `core-vpc-shop-e4ec9862` → `the-shop`",
    ]
    ((router, attachment, name, target),) = rows(text, "**1 to import: it is there already and is taken over**")
    assert (router, attachment) == ("`er-core`", "`vpc-taken`")
    assert target == (
        '`network/er-flow-logs`<br>description: `""` → `Everything that passes the core router`'
        f"<br>name: `by-hand-too` → {name}"
    )
    assert rows(text, "**2 to create**")[1][:2] == ["`er-edge`", "`vpc-new`"]
    assert text.endswith("- ⚠️ not logged on er-edge: vpc-partner-lab waits for the router's owner to accept it")


def test_what_is_deleted_stands_first_and_what_moves_after_it() -> None:
    text = written(document(*reversed(everything_at(1))))

    titles = re.findall(r"^\*\*(?:⚠️ )?1 (to [a-z]+)(?=:|\*\*$)", text, re.MULTILINE)
    assert titles == ["to delete", "to move", "to replace", "to change", "to import", "to create"]
    assert "\n**1 to delete**, **1 to move**, **1 to replace**, 1 to change, 1 to create, 1 to import\n" in text


def test_the_readmes_sample_is_the_review_of_recorded_previews() -> None:
    readme = (PREVIEWS.parents[2] / "docs" / "guides" / "ci.md").read_text(encoding="utf-8")
    text = comment([review("dev", recorded("mixed.jsonl")), review("prod", recorded("unchanged.json"))])

    # In a quotation headings would be those of the page.
    bold = re.sub(r"^#+ (.*)$", r"**\1**", text.removeprefix(f"{MARKER}\n"), flags=re.MULTILINE)
    assert "\n".join(f"> {line}".rstrip() for line in bold.splitlines()) in readme


@pytest.mark.parametrize("file", ["mixed.json", "mixed.jsonl"])
def test_changes_by_hand_are_distinguished_from_the_stack_files(file: str) -> None:
    text = written(recorded(file))

    assert [row[1:] for row in rows(text, "**3 to change**")] == [
        [
            "`vpc-data-platform`",
            "`core-vpc-data-platform-f25584d3` (was changed by hand)",
            "name: `by-hand` → `core-vpc-data-platform-f25584d3`",
        ],
        ["`vpc-shop`", "`the-shop`", "name: `core-vpc-shop-e4ec9862` → `the-shop`"],
        ["`vpc-edge-proxy`", "`edge-vpc-edge-proxy-03a1ad25` (was changed by hand)", "enabled: `false` → `true`"],
    ]
    assert "`core-vpn-office-bonn-6d95ad29` (was deleted by hand)" in text


def test_a_document_has_no_names_of_what_is_new_so_that_ids_stand_for_them() -> None:
    created = rows(written(recorded("first.json")), "**10 to create**")

    assert created[1][:3] == ["`er-core`", "`5b8e1c94-0a6d-4f27-8d13-c2e97f40a1b6`", "`core-vpc-shop-e4ec9862`"]
    assert created[1][3] == "`0e7b4d92…/61c9f0a8…`"


def test_events_have_the_names_of_what_is_new() -> None:
    text = written(recorded("first.jsonl"))

    assert "## Flow logs: 10 to create\n" in text
    assert "unchanged" not in text
    assert rows(text, "**10 to create**")[-1] == [
        "`er-edge`",
        "`vpn-office-hamburg`",
        "`edge-vpn-office-hamburg-c717c09b`",
        "`network/er-flow-logs`",
    ]


def test_what_is_changed_once_it_is_imported_counts_as_imported_only() -> None:
    text = written(recorded("import.json"))

    assert "## Flow logs: 8 to create, 2 to import\n" in text
    imported = rows(text, "**2 to import: they are there already and are taken over**")
    assert ["name: `by-hand` →" in row[3] for row in imported] == [True, False]


@pytest.mark.parametrize("file", ["merged_keys.json", "merged_keys.jsonl"])
def test_router_keys_that_are_merged_leave_nothing_to_do(file: str) -> None:
    assert written(recorded(file)).endswith("\n**`local`**: nothing to do, 10 unchanged")


# Moves.


def test_a_move_is_one_row_with_both_streams_by_name() -> None:
    text = written(recorded("moved.jsonl"))

    assert "\n**2 to move**, 8 unchanged\n" in text
    assert [row[2:] for row in rows(text, "2 to move: ")] == [
        ["`core-vpc-payments-8bd9e320` (disabled)", ARCHIVED],
        ["`core-vpc-shop-e4ec9862`", ARCHIVED],
    ]
    assert "to delete" not in text
    assert "to create" not in text
    assert "- ⚠️ er-core" not in text


@pytest.mark.parametrize("name", ["moved", "reasons", "merged_keys"])
def test_what_goes_is_shown_the_same_in_either_form_of_preview(name: str) -> None:
    assert review("local", recorded(f"{name}.json")) == review("local", recorded(f"{name}.jsonl"))


def test_a_warning_of_several_moves_names_no_stream_of_one() -> None:
    several = (
        "core: att-00001 moves from group-1/stream-1 to n/a, n/b; the new flow log is made first, so the record has"
    )
    found = review("local", document(*move(1), warnings=[f"{several} no gap"]))
    assert list(found.warnings) == [f"{several} no gap"]
    assert [row.logs_to for row in found.rows[Kind.MOVE]] == ["group-1/stream-2"]


def test_a_move_to_a_disabled_flow_log_promises_no_record() -> None:
    text = written(recorded("moved.json"))
    assert "then the old ones are deleted; ⚠️ 1 of them disabled, so that nothing is written**" in text
    assert "gap" not in text
    assert "the new flow log is disabled, so nothing is written" in recorded("moved.json")
    alone = written(document(*move(1, enabled=False)))
    assert "then the old one is deleted; ⚠️ disabled, so that nothing is written**" in alone
    assert "gap" not in alone


def test_deleting_one_of_two_flow_logs_of_an_attachment_is_not_a_move() -> None:
    text = written(recorded("reasons.jsonl"))

    assert "to move" not in text
    assert ["`er-core`", "`vpc-shop`"] in [row[:2] for row in rows(text, "5 to delete: ")]


def test_a_move_takes_one_of_two_flow_logs_that_are_deleted() -> None:
    others = step("delete", 3, old=flow_log(1, log_stream_id="stream-3"))

    text = written(document(*move(1), others))

    assert "## Flow logs: 1 to delete, 1 to move\n" in text


def test_a_create_for_another_attachment_is_not_a_move() -> None:
    text = written(document(step("create", 1, new=flow_log(1)), step("delete", 2, old=flow_log(2))))
    assert "## Flow logs: 1 to delete, 1 to create\n" in text


def test_a_replacement_by_another_stream_is_a_move() -> None:
    replaced = step(
        "replace",
        old=flow_log(1),
        new=flow_log(1, log_stream_id="stream-2"),
        detailedDiff={"log_stream_id": {"kind": "update-replace"}},
    )

    assert rows(written(document(replaced)), NO_GAP)[0][3] == "`group-1/stream-1` → `group-1/stream-2`"


@pytest.mark.parametrize("key", ["er_id", "resource_id"])
def test_a_replacement_by_another_attachment_ends_a_record(key: str) -> None:
    replaced = step(
        "replace", old=flow_log(1), new=flow_log(1, **{key: "another"}), detailedDiff={key: {"kind": "update-replace"}}
    )

    text = written(document(replaced))

    assert "## Flow logs: 1 to delete, 1 to create\n" in text
    ((_, attachment, name, _),) = rows(text, "⚠️ 1 to delete: the record that it writes ends")
    assert attachment == "`att-00001`"
    assert name == "`flow-log-00001` (its flow log becomes that of another attachment)"


def test_an_import_that_takes_the_place_of_a_deletion_is_a_move() -> None:
    _, deletion = move(1)
    imported = step("import", 1, new=flow_log(1, log_stream_id="stream-2"))
    assert rows(written(document(deletion, imported)), NO_GAP)


# Reasons of deletions.

REASONS = {
    "vpc-data-platform": "the attachment is gone",
    "vpc-payments": "is no longer selected because its tag 'env' is now 'retired' (was 'prod')",
    "vpc-shop": "the stack file wants it in network/er-flow-logs only",
    "vpn-office-hamburg": (
        'is no longer selected since the stack file says routers.edge.attachments: {"exclude": ["vpn-office-hamburg"]}'
    ),
    "vpc-lab": "its router left the stack file",
}


@pytest.mark.parametrize("file", ["reasons.json", "reasons.jsonl"])
def test_each_deletion_has_its_reason_in_words(file: str) -> None:
    found = review("local", recorded(file))

    assert {row.attachment: row.note for row in found.rows[Kind.DELETE]} == REASONS
    assert found.unchanged == 6


@pytest.mark.parametrize("file", ["reasons.json", "reasons.jsonl", "dropped_router.json"])
def test_what_a_row_says_is_not_repeated_in_a_warning(file: str) -> None:
    warnings = review("local", recorded(file)).warnings
    assert warnings
    assert all(one.startswith("not logged on ") for one in warnings)


def test_a_warning_that_no_row_repeats_stays() -> None:
    warnings = ["core: att-00001 loses its flow log to elsewhere: why", "core: att-00002 is strange"]
    found = review("local", document(step("delete", 1, old=flow_log(1)), warnings=warnings))
    assert list(found.warnings) == warnings


def test_a_router_that_is_dropped_loses_its_flow_logs_and_nothing_else_is_told() -> None:
    text = written(recorded("dropped_router.json"))

    assert "\n**4 to delete**, 6 unchanged\n" in text
    lost = rows(text, "**⚠️ 4 to delete: the records that they write end**")
    assert [row[1] for row in lost] == [
        "`vgw-colocation-munich`",
        "`vpc-edge-proxy`",
        "`vpc-partner-portal`",
        "`vpn-office-hamburg`",
    ]
    assert "idempotency" not in text


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("unknown", "nobody knows whether it was ever created"),
        ("failed", "it has failed"),
        ("deleting", "its state: `deleting`"),
    ],
)
def test_a_replacement_because_of_a_state_says_what_is_wrong(state: str, reason: str) -> None:
    text = recorded("unsure.json").replace('"state": "unknown"', f'"state": "{state}"')

    assert rows(written(text), "**⚠️ 1 to replace: deleted, and then created again**") == [
        ["`er-core`", "`vpc-shop`", "`core-vpc-shop-e4ec9862`", reason]
    ]


def test_a_failed_flow_log_is_deleted_and_then_created_again() -> None:
    text = written(recorded("failed.json"))

    assert "\n**1 to replace**, 9 unchanged\n" in text
    ((*_, reason),) = rows(text, "**⚠️ 1 to replace: deleted, and then created again**")
    assert reason == "it has failed"


def test_stacks_with_nothing_to_do_have_one_line_each() -> None:
    reviews = [review(stack, recorded("unchanged.json")) for stack in ("prod", "dev")]

    assert comment(reviews).splitlines() == [
        MARKER,
        "## Flow logs: nothing to do",
        "",
        "**`dev`**: nothing to do, 10 unchanged",
        "",
        "**`prod`**: nothing to do, 10 unchanged",
    ]


def test_a_flow_log_that_is_disabled_is_as_loud_as_a_deletion_and_comes_first() -> None:
    changed = {"enabled": {"kind": "update"}}
    quiet = step("update", 1, old=flow_log(1), new=flow_log(1, name="x"), detailedDiff={"name": {"kind": "update"}})
    silenced = step("update", 2, old=flow_log(2), new=flow_log(2, enabled=False), detailedDiff=changed)

    text = written(document(quiet, silenced))

    assert "**2 to change; ⚠️ 1 of them disabled, so that nothing is written**" in text
    assert [row[1] for row in rows(text, "2 to change;")] == ["`att-00002`", "`att-00001`"]


def test_the_order_of_resources_and_stacks_makes_no_difference() -> None:
    steps = json.loads(recorded("mixed.json"))
    shuffled = dict(steps)
    several = []
    for seed in range(5):
        for key in ("steps", "diagnostics"):
            shuffled[key] = random.Random(seed).sample(steps[key], len(steps[key]))
        texts = {"a": json.dumps(shuffled), "b": recorded("first.json")}
        names = sorted(texts, reverse=bool(seed % 2))
        several.append(comment([review(name, texts[name]) for name in names]))
    assert len(set(several)) == 1


def test_without_a_detailed_diff_the_reasons_are_told() -> None:
    replaced = step(
        "replace",
        old=flow_log(1),
        new=flow_log(1, log_stream_id="stream-2", name="new"),
        diffReasons=["log_stream_id", "name"],
        replaceReasons=["log_stream_id"],
        detailedDiff=None,
    )

    ((*_, name, streams),) = rows(written(document(replaced)), NO_GAP)

    assert (name, streams) == ("`new`", "`group-1/stream-1` → `group-1/stream-2`")


def test_other_resources_are_listed_if_deleted_or_replaced_not_if_created() -> None:
    text = written(
        document(
            step("delete", 1, old={}, type_="aws:s3/bucket:Bucket"),
            step("replace", 2, old={}, new={}, type_="aws:s3/bucket:Bucket"),
            step("create", 3, new={}, type_="aws:s3/bucket:Bucket"),
            step("delete", 4, old={}, type_="random:index/randomUuid:RandomUuid"),
            step("delete", 5, old={}, type_="pulumi:providers:aws"),
        )
    )

    assert "## Flow logs: 1 to delete, 1 to replace\n" in text
    assert rows(text, "1 to delete:") == [["-", "-", "`core-00001` (of type aws:s3/bucket:Bucket)", "-"]]


def test_the_last_runs_names_are_of_logical_names_not_of_attachments() -> None:
    """After a run that failed half way the state can hold another flow log of an attachment than the outputs name."""
    flow_logs = {"core-00001": {"logs_to": "network/new", "key": "core"}}
    attachments = {f"att-{n:05}": {"name": f"vpc-{n}", "flow_logs": flow_logs if n == 1 else {}} for n in (1, 2)}
    router = {"id": "er-1", "name": "er-core", "attachments": attachments, "selections": {}}
    stack = {
        "op": "same",
        "urn": "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s",
        "oldState": {"outputs": {"routers": {"er-core": router}}},
    }
    gone = [step("delete", 1, old=flow_log(1)), step("delete", 2, old=flow_log(2, log_stream_id="stream-2"))]

    told = rows(written(document(stack, *gone)), "2 to delete:")

    assert [row[1] for row in told] == ["`vpc-1`", "`vpc-2`"]
    assert [row[3] for row in told] == ["`network/new`", "`group-1/stream-2`"]


def test_outputs_of_an_unknown_form_leave_ids_in_place_of_names() -> None:
    outputs = {"routers": {"er-core": {"id": "er-1"}}, "deletions": ["core-00001"]}
    urn = "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s"
    stack = {"op": "same", "urn": urn, "oldState": {"outputs": outputs}, "newState": {"outputs": outputs}}

    told = rows(written(document(stack, step("delete", 1, old=flow_log(1)))), "1 to delete:")

    assert told == [["`core`", "`att-00001`", "`flow-log-00001`", "`group-1/stream-1`"]]


@pytest.mark.parametrize("file", ["wrong_stack_file.json", "wrong_stack_file.jsonl"])
def test_a_preview_that_failed_says_so_and_why(file: str) -> None:
    assert written(recorded(file)).splitlines() == [
        MARKER,
        "## Flow logs: 1 of 1 preview failed",
        "",
        "### Stack `local`",
        "",
        "❌ **The preview failed**, so nobody knows what would change.",
        "",
        "- ❌ otc-flow-logs:routers.core.log&#95;group in stacks/Pulumi.local.yaml: there is no log group with id or"
        " name 'netwrk'; there are: network, security",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it printed nothing to standard output"),
        (" \n", "it printed nothing to standard output"),
        (recorded("first.json")[:5000], "what it printed breaks off"),
        (recorded("first.jsonl")[:5000], "what it printed breaks off"),
        ("\n".join(recorded("first.jsonl").splitlines()[:-2]), "what it printed breaks off"),
        ("zsh: command not found: pulumi", "what it printed is not JSON of &#96;pulumi preview&#96;"),
        ("[]", "what it printed is not JSON of &#96;pulumi preview&#96;"),
        ("{}", "what it printed has another form than this program reads"),
        ('{"steps": {}}', "what it printed has another form than this program reads"),
        ('{"steps": [{"op": "same"}]}', "what it printed has another form than this program reads"),
        ('{"steps": [{"op": "explode", "urn": "a::b::c::d"}]}', "it has an operation that this program does not know"),
        (document(step("update")), "it tells nothing of a resource that it changes"),
    ],
)
def test_an_incomplete_preview_counts_as_failed(text: str, sentence: str) -> None:
    told = written(text)
    assert "## Flow logs: 1 of 1 preview failed\n" in told
    assert f"**The preview failed**, so nobody knows what would change: {sentence}" in told


def test_a_preview_that_failed_before_its_first_step_says_why() -> None:
    said = {"diagnostics": [{"severity": "error", "message": "error: no such plugin\n"}], "duration": 1}
    assert written(json.dumps(said, indent=4)).endswith("\n- ❌ no such plugin")


def test_what_may_end_a_line_elsewhere_ends_no_event() -> None:
    text = recorded("first.jsonl").replace("vpn-office-bonn", "vpn\x85\u2028bonn")
    assert "`vpn bonn`" in written(text)


def test_errors_that_are_printed_in_place_of_json_are_told() -> None:
    assert "- ❌ no stack named 'nope' found" in written("error: no stack named 'nope' found\n")


def test_of_a_traceback_only_the_last_line_is_told() -> None:
    message = (
        "error: Program failed with an unhandled exception:\nTraceback (most recent call last):\n"
        '  File "/home/ann/__main__.py", line 5, in <module>\n    main()\nTypeError: 1 is not 2\n\n'
    )
    text = written(json.dumps({"steps": [], "diagnostics": [{"severity": "error", "message": message}]}))
    assert text.endswith("\n- ❌ Program failed with an unhandled exception: TypeError: 1 is not 2")


def test_one_preview_that_failed_does_not_hide_the_others() -> None:
    text = comment([review("prod", ""), review("dev", recorded("dropped_router.json"))])

    assert "## Flow logs: 1 of 2 previews failed, 4 to delete\n" in text
    assert text.index("### Stack `dev`") < text.index("4 to delete:") < text.index("### Stack `prod`")


def test_no_config_and_nothing_secret_is_printed() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:hunter2"}
    changed = {key: {"kind": "update"} for key in ("name", "description", "log_stream_id")}
    old = flow_log(1, name=secret, description="[secret]", log_stream_id=secret)
    preview = json.loads(document(step("update", old=old, new=flow_log(1), detailedDiff=changed)))
    preview["config"] = {"otc-flow-logs:password": "hunter2", "otc-flow-logs:routers": "hunter2"}

    text = written(json.dumps(preview))

    assert "hunter2" not in text
    assert "1b47" not in text
    assert "name: `[secret]` → `flow-log-00001`" in text
    assert 'description: `[secret]` → `""`' in text
    assert "emulator" not in written(recorded("secret.json"))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text_in_one_cell(text: str) -> None:
    cell = code(text)

    assert len(cell) < 1000
    assert cell.encode()
    assert cell.isprintable()
    if cell.startswith("`"):
        assert not re.search("[`|<]", cell[1:-1])
    elif cell != "-":
        assert re.fullmatch(r"<code>([\w -]|&#\d+;)+</code>", cell)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_sentences_stay_text_and_refer_to_nobody(text: str) -> None:
    told = prose(text)

    assert bool(told) == bool(text)
    assert told.isprintable()
    assert not re.search(r"[<>|`*\[\]@\\!~_$^{}\n]", told)
    assert not re.search(r"&(?!#\d+;)", told)
    shown = re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), told)
    assert not re.search(r"[@#!~%$^&]\w|://|www\.", shown)


def test_hostile_text_everywhere_leaves_the_tables_as_they_are() -> None:
    steps = []
    for number, (first, second) in enumerate(itertools.pairwise(HOSTILE)):
        old = flow_log(number, name=first, resource_id=second, log_stream_id=first, er_id=second)
        new = flow_log(number, name=second, resource_id=first, log_stream_id=second, er_id=first)
        keys = ("name", "resource_id", "log_stream_id", "er_id", first or "x")
        steps.append(step("update", number, old=old, new=new, detailedDiff={key: {"kind": "update"} for key in keys}))

    text = comment([review("local", document(*steps, warnings=HOSTILE))])

    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len(tables) == len(steps) + 2
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in tables)
    assert text.count("<!--") == 1


def test_many_rows_are_folded_and_those_that_are_a_loss_stay_open() -> None:
    texts = [document(*(one for number in range(21) for one in everything_at(number)))]

    (text,) = map(written, texts)

    assert text.count("<details open><summary><b>⚠️ 21 to ") == 2
    assert text.count("<details open><summary><b>21 to move: ") == 1
    assert text.count("<details><summary><b>21 to ") == 3
    assert "<details" not in written(document(*(one for number in range(20) for one in everything_at(number))))


@pytest.mark.parametrize(("stacks", "each"), [(1, 1000), (20, 1000), (350, 2), (3000, 1)])
def test_no_size_is_too_large_and_losses_are_kept_longest(stacks: int, each: int) -> None:
    text_of_one = document(*(one for number in range(each) for one in everything_at(number)), warnings=["w" * 400])
    one = review("", text_of_one)
    text = comment(replace(one, stack=f"stack-{number:04}") for number in range(stacks))

    assert LONGEST - 3000 < len(text) <= LONGEST
    assert f"## Flow logs: {stacks * each:,} to delete, {stacks * each:,} to move, " in text
    shown = len(re.findall(r"^\| `er-1`|^\| `core`", text, re.MULTILINE)) + text.count("- ⚠️")
    left_out = stacks * (each * 6 + 1) - shown
    assert f"**There was no room for {left_out:,} rows of tables and lists" in text
    if stacks <= 20:
        assert text.count("**1,000 to delete**") == stacks
        deleted = rows(text, "1,000 to delete:")
        assert f"… and {1000 - len(deleted):,} more: `STACK=stack-0000 make preview`\n" in text
        assert len(deleted) > 20
        assert "to create</b>" not in text
    elif stacks == 350:
        assert text.count("### Stack `stack-") == stacks
        assert text.count("to delete: ") > 90
        assert "to move: " not in text
    else:
        assert re.search(r"and [\d,]+ whole stacks\*\*: `STACK=… make preview` shows them\.$", text)


def test_stacks_that_failed_or_lose_something_are_kept_longest() -> None:
    one = review("", recorded("unchanged.json"))
    quiet = [replace(one, stack=f"a{number:04}") for number in range(3000)]
    lossy = review("y", recorded("dropped_router.json"))
    failed = review("z", "")

    text = comment([*quiet, lossy, failed])

    assert len(text) <= LONGEST
    assert "### Stack `y`" in text
    assert "### Stack `z`" in text


_texts = st.sampled_from([*HOSTILE, "vpc-shop"])
_rows = st.builds(
    Row,
    router=_texts,
    attachment=_texts,
    flow_log=_texts,
    logs_to=_texts,
    note=_texts,
    is_silenced=st.booleans(),
    differences=st.lists(st.builds(Difference, what=_texts, old=_texts, new=_texts), max_size=4).map(tuple),
)
_reviews = st.builds(
    StackReview,
    stack=st.integers(0, 10**6).map(str),
    is_failed=st.booleans(),
    failure=_texts,
    errors=st.lists(_texts, max_size=30),
    warnings=st.lists(_texts, max_size=30),
    rows=st.dictionaries(st.sampled_from(Kind), st.lists(_rows, max_size=30)),
    unchanged=st.integers(0, 10**6),
)


@settings(max_examples=25)
@given(st.lists(_reviews, max_size=8), st.integers(1000, 20_000))
def test_no_comment_is_longer_than_it_may_be(reviews: list[StackReview], longest: int) -> None:
    text = comment(reviews, longest)
    assert len(text) <= longest
    assert text.count("<details") == text.count("</details>") + text.count("`<details")


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*arguments: str) -> tuple[int, str]:
        code = main([argument.replace("TMP", str(tmp_path)) for argument in arguments])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def test_the_command_prints_the_comment_and_ends_with_1_if_a_preview_failed(
    run: Callable[..., tuple[int, str]],
) -> None:
    files = [f"dev={PREVIEWS / 'mixed.json'}", f"prod={PREVIEWS / 'wrong_stack_file.json'}"]

    assert run(files[0]) == (0, comment([review("dev", recorded("mixed.json"))]) + "\n")
    code, told = run(*files)
    assert code == 1
    assert "### Stack `dev`" in told
    assert "### Stack `prod`" in told


def test_the_command_reads_one_preview_from_standard_input(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(recorded("unchanged.json").encode())))
    assert run("dev=-")[1].endswith("\n**`dev`**: nothing to do, 10 unchanged\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "usage: python -m stacks.review [--text | --ask] STACK=FILE..."),
        (["dev"], "usage:"),
        (["=file"], "usage:"),
        (["d`e`v=file"], "usage:"),
        (["dev=-", "prod=-"], "error: each stack, and standard input, can be there only once"),
        (["dev=a", "dev=b"], "error: each stack, and standard input, can be there only once"),
        (["dev=TMP/none"], "error: cannot read "),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    run: Callable[..., tuple[int, str]], arguments: list[str], told: str
) -> None:
    code, output = run(*arguments)
    assert code == 2
    assert output.startswith(told)


@pytest.mark.parametrize("text", ["ab " * 300, "x" * 501, "x" + " " * 5_000 + "y"])
def test_a_text_that_was_cut_says_so(text: str) -> None:
    assert prose(text).endswith("&#8230;")


def test_an_error_of_a_preview_is_told_to_its_end() -> None:
    names = ", ".join(f"vpc-{number:03} (by-hand-{number:03}, 1d0a6c5e)" for number in range(40))
    failed = StackReview(
        stack="dev", is_failed=True, errors=[f"wants flow logs that are there: {names}; set adopt now"]
    )
    assert "set adopt now" in comment([failed])
