"""A stack file from the flow logs of routers: its keys, its text, and what it leaves unchanged."""

import re
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import yaml

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.flow_logs import FlowLog
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from stacks.commands.adopt.existing import Adopted, AdoptionError, adopt
from stacks.commands.command_line import parse_values
from stacks.stackfile import editor, writer
from tests.unit import plans
from tests.unit.plans import attachment, flow_log

KEY = "otc-flow-logs:routers"


def adopted(flow_logs: list[FlowLog], attachments: list[Attachment], router: str = "er-core") -> Adopted:
    client = plans.FakeClient()
    client.routers_there = [plans.router("er-1", router)]
    client.attachments_of["er-1"], client.flow_logs_of["er-1"] = attachments, flow_logs
    return adopt(cast(Client, client), [], stack="team", with_log_groups=False)


def adopted_groups(*groups: LogGroup, streams: list[LogStream], others: list[FlowLog] | None = None) -> Adopted:
    """What is adopted with router er-1, whose flow log writes to g/s; the others are on router er-2."""
    client = plans.FakeClient()
    client.groups, client.streams_of = list(groups), {group.id: streams for group in groups}
    client.routers_there = [plans.router("er-1", "er-core"), plans.router("er-2", "er-edge")]
    client.attachments_of = {"er-1": [attachment("a", "vpc-a")], "er-2": [attachment("b", "vpc-b")]}
    client.flow_logs_of = {"er-1": [flow_log("a", "x")], "er-2": others or []}
    return adopt(cast(Client, client), ["er-core"], stack="team", with_log_groups=True)


A, B = attachment("a", "vpc-a"), attachment("b", "vpc-b")
GROUP, STREAM = LogGroup(id="g", name="network", ttl_in_days=14), LogStream(id="s", name="flow", ttl_in_days=14)


def test_log_groups_are_described_as_they_are() -> None:
    tagged = replace(GROUP, tags={"team": "net"})
    streams = [replace(STREAM, ttl_in_days=60, tags={"env": "prod"}), LogStream(id="t", name="of-others")]
    found = adopted_groups(tagged, LogGroup(id="g2", name="unused", ttl_in_days=1), streams=streams)
    stream = {"ttl_in_days": 60, "tags": {"env": "prod"}}
    assert found.log_groups == {
        "network": {"adopt": True, "ttl_in_days": 14, "tags": {"team": "net"}, "streams": {"flow": stream}}
    }
    assert found.left_out == []


def test_log_stream_with_the_retention_of_its_group_has_none_of_its_own() -> None:
    assert adopted_groups(GROUP, streams=[STREAM]).log_groups["network"]["streams"] == {"flow": {}}


@pytest.mark.parametrize(
    ("group", "stream", "others", "reason"),
    [
        (GROUP, STREAM, [flow_log("b", "y", router_id="er-2")], "other flow logs write to it, too, so it may be"),
        (replace(GROUP, name=".net"), STREAM, [], "a stack file cannot have its name or tags, or those of its log"),
        (GROUP, replace(STREAM, tags={"a|b": "c"}), [], "a stack file cannot have its name or tags, or those of its"),
    ],
)
def test_log_groups_of_others_and_odd_ones_are_left_out(
    group: LogGroup, stream: LogStream, others: list[FlowLog], reason: str
) -> None:
    found = adopted_groups(group, streams=[stream], others=others)
    assert found.log_groups == {}
    assert any(f"is left out of log_groups: {reason}" in line for line in found.left_out)
    assert ("y on er-edge" in found.left_out[0]) is bool(others)
    assert found.sections.keys() == {"routers"}


def test_fully_logged_router_selects_all_attachments() -> None:
    found = adopted([flow_log("a", "x"), flow_log("b", "y")], [A, B, attachment("c", "fw", "cfw")])
    assert found.routers["er-core"]["attachments"] == "all"
    assert found.notes == []


def test_default_name_needs_no_override() -> None:
    assert "overrides" not in adopted([flow_log("a", "er-core-vpc-a")], [A]).routers["er-core"]


def test_attachments_without_a_unique_name_are_written_as_ids() -> None:
    twins = [attachment("a", "vpc"), attachment("b", "vpc"), attachment("c", ""), attachment("d", "a")]
    flow_logs = [flow_log(twin.id, f"x-{twin.id}") for twin in twins]
    section = adopted(flow_logs, [*twins, attachment("e", "vpc-e")]).routers["er-core"]
    assert section["attachments"] == ["a", "b", "c", "d"]


def test_flow_logs_that_cannot_be_adopted_are_left_out_with_a_reason() -> None:
    found = adopted(
        [
            flow_log("a", "kept"),
            flow_log("b", "going", state="deleting"),
            flow_log("b", "broken", id_="2", state="failed"),
            flow_log("z", "orphan"),
            flow_log("b", "lost", id_="3", stream="gone"),
            flow_log("b", "away", id_="4", group="gone"),
        ],
        [A, B],
    )
    assert len(found.flow_logs) == 1
    notes = "\n".join(found.left_out + found.notes)
    for part in (
        "going (flow-log-of-b) on er-core is left out: it is being deleted",
        "broken (2) on er-core is left out: it has failed",
        "orphan (flow-log-of-z) on er-core is left out: its attachment z is gone",
        "lost (3) on er-core is left out: its log group g or stream gone is gone",
        "away (4) on er-core is left out: its log group gone or stream s is gone",
        "not logged on er-core, and not in this file: vpc-b",
    ):
        assert part in notes


def test_flow_log_of_an_unknown_type_of_attachment_is_adopted() -> None:
    there = [A, attachment("p", "peer", "peering"), attachment("q", "peer-2", "peering")]
    assert adopted([flow_log("a", "x"), flow_log("p", "y")], there).routers["er-core"]["attachments"] == "all"
    assert adopted([flow_log("p", "y")], there).routers["er-core"]["attachments"] == ["peer"]


def test_name_that_is_not_allowed_will_be_renamed() -> None:
    found = adopted([flow_log("a", "the shop's")], [A])
    assert "overrides" not in found.routers["er-core"]
    assert found.notes == ["the shop's (flow-log-of-a) on er-core will be renamed: its name is not allowed"]


NASTY = [
    *("yes", "null", "1e3", "12e4", "0o17", "0123", "~", "<<", "2024-01-01"),
    *("*x", "- a", "#c", "a: b", "{x}", "'", '"', "ü", " lead", "x\ty", "a\x85b", "a\u2028b", "x" * 300),
]


@pytest.mark.parametrize("name", NASTY)
def test_any_name_is_written_as_valid_yaml(name: str) -> None:
    found = adopted([flow_log("a", "x", description=name)], [attachment("a", name)], router=name)
    text = editor.add_sections("", found.sections, found.comments, {"region": name, "project": name})
    config = yaml.safe_load(text)["config"]
    assert config == {"otc-flow-logs:region": name, "otc-flow-logs:project": name, KEY: found.routers}
    if name in ("1e3", "12e4", "0o17", "<<"):
        assert f'otc-flow-logs:region: "{name}"' in text, "another reader of YAML takes it for something else"


FOUND = Adopted(routers={"core": {"router": "er-core", "attachments": ["x"]}}, notes=["nothing else"])


@pytest.mark.parametrize(
    "before",
    [
        "config:\n  otc-flow-logs:endpoint: emulator\n",
        "# the team's\nconfig:\n  # where\n  otc-flow-logs:endpoint: emulator  # there\n",
        "config:\n    otc-flow-logs:endpoint: emulator\n    otc-flow-logs:x: {a: [1]}",
        "encryptionsalt: v1:x\nconfig:   # all\n  otc-flow-logs:endpoint: emulator\n",
        "config:\n  otc-flow-logs:endpoint: emulator\nencryptionsalt: v1:x\n",
        "config:\r\n  otc-flow-logs:endpoint: emulator\r\nencryptionsalt: v1:x\r\n",
        "config:\nencryptionsalt: v1:x\n",
        "encryptionsalt: v1:x",
        "\ufeffconfig:\n  otc-flow-logs:endpoint: emulator\n",
        '"config":\n  otc-flow-logs:endpoint: emulator\n',
        *("", "# only a comment\n", "\n\n"),
    ],
)
def test_routers_are_added_below_config_and_the_rest_stays(before: str) -> None:
    after = editor.add_sections(before, FOUND.sections, FOUND.comments, {})
    old = yaml.safe_load(before) or {}
    assert yaml.safe_load(after) == {**old, "config": {**(old.get("config") or {}), KEY: FOUND.routers}}
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []
    assert "# nothing else" in after


def test_routers_are_added_to_those_that_the_file_has() -> None:
    before = f"# ours\nconfig:\n    a: b\n    {KEY}:\n      own:  # old\n        router: x # one\n    # end\nsalt: v1"
    sections = {"log_groups": {"network": {"adopt": True}}, "routers": FOUND.routers}

    after = editor.add_sections(before, sections, ["new"], {})

    added = "      # new\n      core:\n        router: er-core\n        attachments:\n        - x\n"
    log_groups = "    otc-flow-logs:log_groups:\n      network:\n        adopt: true\n"
    assert after == before.replace("    # end", f"{added}    # end").replace("config:\n", f"config:\n{log_groups}")


def test_routers_that_the_file_has_are_not_adopted_again() -> None:
    client = plans.FakeClient()
    client.routers_there = [plans.router("er-1", "er-core"), plans.router("er-2", "core")]
    client.attachments_of = {"er-1": [A], "er-2": [B]}
    client.flow_logs_of = {"er-1": [flow_log("a", "x")], "er-2": [flow_log("b", "y", router_id="er-2")]}

    def found(*names: str, declared: dict[str, str]) -> Adopted:
        return adopt(cast(Client, client), names, stack="team", declared=declared, with_log_groups=False)

    # The key `core` is taken.
    added = found(declared={"core": "er-core"}).routers
    assert {key: router["router"] for key, router in added.items()} == {"core-group": "core"}
    with pytest.raises(AdoptionError, match=r"it already has router er-core: set adopt: true in its routers.core$"):
        found("er-core", declared={"core": "er-1"})
    with pytest.raises(AdoptionError, match="no flow logs to import on any other router of the project"):
        found(declared={"core": "er-1", "other": "core"})


@pytest.mark.parametrize(
    "before",
    [
        "config: {}\n",
        "config: {a: b}\n",
        '"config":\n  a: b\nencryptionsalt: x\n',
        "config: &a\n  a: b\nb: *a\n",
        f"config:\n  {KEY}: {{a: {{}}}}\n",
    ],
)
def test_config_of_an_unusual_form_is_refused_with_advice(before: str) -> None:
    with pytest.raises(editor.EditError, match="its keys must be below a line `config:`, one key per line"):
        editor.add_sections(before, FOUND.sections, FOUND.comments, {})


@pytest.mark.parametrize(
    "before", ["- a\n", "text", "config:\n\ta: b\n", "a: b\nconfig", "5", "config: [a]", "config: x"]
)
def test_file_that_is_not_a_stack_file_is_refused(before: str) -> None:
    with pytest.raises(ValueError, match=r"^it is not (valid YAML: |a stack file: the keys must be )[^\n]*$"):
        parse_values("team", before)


def test_values_of_a_stack_file_have_no_secrets() -> None:
    text = "config:\n  otc-flow-logs:max_deletes: 5\n  otc-flow-logs:region: eu-de\n  aws:x: y\n"
    secret = "  otc-flow-logs:password:\n    secure: v1:x\n"
    found = parse_values("team", text + secret)
    assert found.plain == {"max_deletes": "5", "region": "eu-de"}
    assert found.is_secret == {"max_deletes": False, "region": False, "password": True}


@pytest.mark.parametrize("text", ["config:\n  otc-flow-logs:password: x\n", "config:\n  otc-flow-logs:enpoint: x\n"])
def test_mistake_in_a_stack_file_ends_the_command(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_values("team", text)
    assert re.match(r"error: otc-flow-logs:(password|enpoint) in stacks/Pulumi\.team\.yaml: ", capsys.readouterr().err)


def test_file_is_written_completely_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.team.yaml"
    file.write_text("old")
    file.chmod(0o600)
    writer.write(file, "new\r\n")
    assert file.read_bytes() == b"new\r\n"
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UnicodeEncodeError):
        writer.write(file, "\ud800")
    assert file.read_bytes() == b"new\r\n"
    assert list(tmp_path.iterdir()) == [file]
