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
from stacks.review.__main__ import main
from stacks.review.changes import review
from stacks.review.comment import LONGEST, MARKER, comment
from stacks.review.markdown import code, prose
from stacks.review.model import Difference, Kind, Row, StackReview

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
    """One step of each kind."""
    numbers = itertools.count(number * 10)
    changed = {"name": {"kind": "update"}}
    replaced = {"log_stream_id": {"kind": "update-replace"}}
    return [
        step("delete", n := next(numbers), old=flow_log(n)),
        step(
            "replace",
            n := next(numbers),
            old=flow_log(n),
            new=flow_log(n, log_stream_id="stream-2"),
            detailedDiff=replaced,
        ),
        step("update", n := next(numbers), old=flow_log(n), new=flow_log(n, name=f"new-{n}"), detailedDiff=changed),
        step("import", n := next(numbers), new=flow_log(n)),
        step("create", n := next(numbers), new=flow_log(n)),
    ]


def test_a_recorded_preview_of_everything_at_once_is_told_by_name() -> None:
    text = written(recorded("mixed.jsonl"))

    assert text.startswith(
        f"{MARKER}\n## Flow logs: 1 to delete, 1 to replace, 1 to change, 1 to create, 1 to import\n"
    )
    assert "\n**1 to delete**, **1 to replace**, 1 to change, 1 to create, 1 to import, 7 unchanged\n" in text
    assert rows(text, "**⚠️ 1 to delete: its attachment loses its record from then on**") == [
        [
            "`er-core`",
            "`vpc-shop-staging`",
            "`core-vpc-shop-staging-4ce7dd7c` (the attachment is gone)",
            "`network/er-flow-logs`",
        ]
    ]
    assert rows(text, "**⚠️ 1 to replace: deleted and made anew, which leaves a gap of seconds in the record**") == [
        [
            "`er-core`",
            "`vpc-payments`",
            "`core-vpc-payments-8bd9e320`",
            "logs to: `network/er-flow-logs` → `network/er-flow-logs-archive`",
        ]
    ]
    assert rows(text, "**1 to change**") == [
        ["`er-core`", "`vpc-shop`", "`the-shop`", "name: `core-vpc-shop-e4ec9862` → `the-shop`"]
    ]
    ((router, attachment, _, target),) = rows(text, "**1 to import: it is there already and is taken over**")
    assert (router, attachment) == ("`er-core`", "`vpc-taken`")
    assert target == (
        '`network/er-flow-logs`<br>description: `""` → `Everything that passes the core router`'
        "<br>name: `by-hand-too` → `core-vpc-taken-60ed4739`"
    )
    assert rows(text, "**1 to create**")[0][:2] == ["`er-edge`", "`vpc-new`"]
    assert text.endswith("- ⚠️ not logged on er-edge: vpc-partner-lab waits for the router's owner to accept it")


def test_what_was_done_by_hand_is_told_from_what_the_stack_file_changes() -> None:
    text = written(recorded("mixed.json"))

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

    assert created[1][:3] == ["`core`", "`5b8e1c94-0a6d-4f27-8d13-c2e97f40a1b6`", "`core-vpc-shop-e4ec9862`"]
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
    assert "- ⚠️ flow logs to be created: 8, but the quota has room for 5: 2 of 7 are in use;" in text


def test_a_router_with_another_key_is_no_other_router() -> None:
    text = written(recorded("renamed_key.json"))

    assert "\n6 to change, 4 unchanged\n" in text
    assert {row[0] for row in rows(text, "**6 to change**")} == {"`er-core`"}


def test_a_router_that_is_dropped_loses_its_flow_logs_and_nothing_else_is_told() -> None:
    text = written(recorded("dropped_router.json"))

    assert "\n**4 to delete**, 6 unchanged\n" in text
    lost = rows(text, "**⚠️ 4 to delete: their attachments lose their record from then on**")
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

    assert rows(written(text), "1 to replace:")[0][1:] == ["`vpc-shop`", "`core-vpc-shop-e4ec9862`", reason]


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


def test_without_a_detailed_diff_the_reasons_are_told_all_the_same() -> None:
    replaced = step(
        "replace",
        old=flow_log(1),
        new=flow_log(1, log_stream_id="stream-2", name="new"),
        diffReasons=["log_stream_id", "name"],
        replaceReasons=["log_stream_id"],
        detailedDiff=None,
    )

    ((*_, because),) = rows(written(document(replaced)), "1 to replace:")

    assert because == "logs to: `group-1/stream-1` → `group-1/stream-2`<br>name: `flow-log-00001` → `new`"


def test_the_deletion_or_replacement_of_anything_else_is_told_and_its_creation_is_not() -> None:
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


def test_names_that_do_not_match_one_to_one_are_not_believed() -> None:
    """After a run that failed half way the outputs say what was wanted: here that both log to the same stream."""
    attachments = {f"att-{n:05}": {"name": f"vpc-{n}", "logs_to": "network/new"} for n in (1, 2)}
    router = {
        "router": {"id": "er-1", "name": "er-core"},
        "attachments": attachments,
        "flow_logs": dict.fromkeys(attachments, "x"),
        "gone": [],
        "former_keys": [],
    }
    stack = {
        "op": "same",
        "urn": "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s",
        "oldState": {"outputs": {"routers": {"core": router}}},
    }
    gone = [step("delete", 1, old=flow_log(1)), step("delete", 2, old=flow_log(2, log_stream_id="stream-2"))]

    told = rows(written(document(stack, *gone)), "2 to delete:")

    assert [row[1] for row in told] == ["`vpc-1`", "`vpc-2`"]
    assert [row[3] for row in told] == ["`group-1/stream-1`", "`group-1/stream-2`"]


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
def test_what_is_no_whole_preview_is_a_preview_that_failed(text: str, sentence: str) -> None:
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
    assert text.count("<details><summary><b>21 to ") == 3
    assert "<details" not in written(document(*(one for number in range(20) for one in everything_at(number))))


@pytest.mark.parametrize(("stacks", "each"), [(1, 1000), (20, 1000), (400, 2), (3000, 1)])
def test_no_size_is_too_large_and_losses_are_kept_longest(stacks: int, each: int) -> None:
    text_of_one = document(*(one for number in range(each) for one in everything_at(number)), warnings=["w" * 400])
    one = review("", text_of_one)
    text = comment(replace(one, stack=f"stack-{number:04}") for number in range(stacks))

    assert LONGEST - 3000 < len(text) <= LONGEST
    assert f"## Flow logs: {stacks * each:,} to delete, {stacks * each:,} to replace, " in text
    shown = len(re.findall(r"^\| `er-1`|^\| `core`", text, re.MULTILINE)) + text.count("- ⚠️")
    left_out = stacks * (each * 5 + 1) - shown
    assert f"**There was no room for {left_out:,} rows of tables and lists" in text
    if stacks <= 20:
        assert text.count("**1,000 to delete**") == stacks
        deleted = rows(text, "1,000 to delete:")
        assert f"… and {1000 - len(deleted):,} more: `STACK=stack-0000 make preview`\n" in text
        assert len(deleted) > 20
        assert "to create</b>" not in text
    elif stacks == 400:
        assert text.count("### Stack `stack-") == stacks
        assert text.count("to delete: ") > 90
        assert "to replace: " not in text
    else:
        assert re.search(r"and [\d,]+ whole stacks\*\*: `STACK=… make preview` shows them\.$", text)


def test_where_there_is_no_room_for_all_stacks_those_that_failed_or_lose_something_are_kept() -> None:
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
        ([], "usage: python -m stacks.review STACK=FILE..."),
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
