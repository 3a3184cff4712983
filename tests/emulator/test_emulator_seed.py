"""Seed files: the demo as it is promised, and every mistake told with its place."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from emulator import EmulatorError
from emulator.seed import DEMO
from emulator.store import Store

GOOD = """
domain: {name: D}
users: [{name: u, password: p}]
projects: [{name: eu-de, routers: [{name: r, attachments: [{name: a, resource_type: vpc}]}]}]
"""
KEY = "{access_key: AK, secret_key: SK}"
QUOTED = '"1.1"'
POLICY = f'{{Version: {QUOTED}, Statement: [{{Effect: Allow, Action: ["er:*:list"]}}]}}'


def test_the_demo_has_two_routers_with_twelve_attachments_of_all_types(tmp_path: Path) -> None:
    store = Store(tmp_path / "emulator.db", seed_file=DEMO)
    assert [router.name for router in store.network.all_routers()] == ["er-core", "er-edge"]
    attachments = store.network.all_attachments()
    assert len(attachments) == 12
    assert {one.resource_type for one in attachments} == {"vpc", "vpn", "vgw", "cfw"}
    assert Counter(one.state for one in attachments) == {"available": 11, "pending_acceptance": 1}
    assert all(one.tags.keys() == {"env", "team"} for one in attachments)
    project = store.identity.projects()[0]
    assert (project.name, store.quotas.of(project.id).limit) == ("eu-de", 50)
    streams = {
        group.name: [stream.name for stream in store.log_tank.streams(project.id, group.id)]
        for group in store.log_tank.groups()
    }
    assert streams == {"network": ["er-flow-logs", "er-flow-logs-archive"], "security": ["audit", "perimeter"]}
    store.close()


def test_the_demo_has_somebody_who_writes_and_somebody_who_reads_with_keys_in_the_form_of_real_ones(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / "emulator.db", seed_file=DEMO)
    assert [(user.name, user.role) for user in store.identity.users()] == [("demo", "writer"), ("auditor", "reader")]
    keys = {}
    for access_key in re.findall(r"access_key: (\w+)", DEMO.read_text(encoding="utf-8")):
        assert re.fullmatch(r"[A-Z0-9]{20}", access_key)
        keys[access_key] = store.identity.access_key(access_key)
    assert None not in keys.values()
    found = [key for key in keys.values() if key is not None]
    assert all(re.fullmatch(r"\w{40}", key.secret_key) for key in found)
    assert all(key.expires_at is None for key in found)
    owners = [(key.user.name, key.security_token is not None) for key in found]
    assert owners == [("demo", False), ("demo", True), ("auditor", False)]
    store.close()


def test_what_a_seed_leaves_out_is_filled_in(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(GOOD)
    store = Store(tmp_path / "emulator.db", seed_file=seed)
    attachment = store.attachment("a")
    assert (attachment.state, attachment.tags, attachment.description) == ("available", {}, "")
    assert store.quotas.of(store.identity.projects()[0].id).limit == 20
    assert store.seed_source == str(seed)
    assert store.identity.users()[0].role == "writer"
    store.close()


def test_a_user_of_a_seed_may_have_a_policy_in_place_of_a_role(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(GOOD.replace("password: p", f"password: p, policy: {POLICY}"))
    store = Store(tmp_path / "emulator.db", seed_file=seed)
    (user,) = store.identity.users()
    assert user.role is None
    assert user.policy.allows("er:quotas:list")
    assert not user.policy.allows("lts:groups:list")
    store.close()


def test_the_time_of_an_access_key_begins_with_the_world(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(GOOD.replace("password: p", f"password: p, access_keys: [{KEY[:-1]}, expires_in: 60}}]"))
    store = Store(tmp_path / "emulator.db", seed_file=seed, clock=lambda: 1_000_000)
    key = store.identity.access_key("AK")
    assert key is not None
    assert (key.user.name, key.secret_key, key.security_token, key.expires_at) == ("u", "SK", None, 61_000_000)
    store.close()


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("domain: {name: D}\n", "", "the file has no domain"),
        ("domain: {name: D}", "domain: {name: 7}", "domain.name must be a text"),
        ("users: [{name: u, password: p}]", "users: []", "users must not be empty"),
        ("password: p", "pasword: p", "users[0] has an unknown key 'pasword'"),
        (", password: p", "", "users[0] has no password"),
        ("password: p", "password: 12345", "users[0].password must be a text"),
        ("password: p", "password: p, role: owner", "users[0].role must be one of writer, reader, not 'owner'"),
        ("password: p", "password: p, policy: reader", "users[0].policy: the document must be an object of Version"),
        ("password: p", f"password: p, policy: {POLICY}, role: reader", "users[0] has both a role and a policy"),
        (
            "password: p",
            f"password: p, policy: {POLICY.replace('Allow', 'allow')}",
            "users[0].policy: Statement[0].Effect must be Allow or Deny, not 'allow'",
        ),
        (
            "password: p",
            f"password: p, policy: {POLICY.replace(QUOTED, '1.1')}",
            """users[0].policy: Version must be the text "1.1", not 1.1""",
        ),
        ("password: p", "password: p, access_keys: AK", "users[0].access_keys must be a list"),
        ("password: p", "password: p, access_keys: [{access_key: AK}]", "users[0].access_keys[0] has no secret_key"),
        (
            "password: p",
            "password: p, access_keys: [{access_key: 1234, secret_key: SK}]",
            "users[0].access_keys[0].access_key must be a text",
        ),
        (
            "password: p",
            f"password: p, access_keys: [{KEY[:-1]}, expires_in: 0}}]",
            "users[0].access_keys[0].expires_in must be a whole number, 1 or more",
        ),
        ("password: p", f"password: p, access_keys: [{KEY}, {KEY}]", "users[0].access_keys[1].access_key repeats 'AK'"),
        ("projects: [", "projects: 7 #", "projects must be a list"),
        ("resource_type: vpc", "resource_type: vcp", "attachments[0].resource_type must be one of vpc, vgw, vpn, cfw"),
        ("{name: a,", "{name: a, state: broken,", "projects[0].routers[0].attachments[0].state must be one of"),
        ("{name: a,", "{name: a, tags: [x],", "attachments[0].tags must be a mapping"),
        ("{name: a,", "{name: a, tags: {x: 1},", "attachments[0].tags.x must be a text"),
        ("name: eu-de,", "name: eu-de, quotas: {flow_log: -2},", "quotas.flow_log must be a whole number, -1 or more"),
        ("name: eu-de,", "name: eu-de, quotas: {shoes: 1},", "projects[0].quotas has an unknown key 'shoes'"),
        ("{name: a,", "{name: b, id: x, resource_type: vpc}, {name: a, id: x,", "attachments[1].id repeats 'x'"),
        ("{name: a,", "{name: a", "line"),
        ("domain: {name: D}", "domain: [", "is not valid YAML"),
        ("domain: {name: D}", "domain: !!python/name:os.system {}", "is not valid YAML"),
    ],
)
def test_a_mistake_in_a_seed_is_told_with_its_place(tmp_path: Path, before: str, after: str, complaint: str) -> None:
    seed = tmp_path / "seed.yaml"
    assert before in GOOD
    seed.write_text(GOOD.replace(before, after, 1))
    with pytest.raises(EmulatorError) as caught:
        Store(tmp_path / "emulator.db", seed_file=seed)
    sentence = str(caught.value)
    assert sentence.startswith(f"The seed file {seed}")
    assert complaint in sentence
    assert "\n" not in sentence


def test_a_missing_seed_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match=r"Cannot read the seed file .*missing\.yaml: No such file"):
        Store(tmp_path / "emulator.db", seed_file=tmp_path / "missing.yaml")


def test_a_seed_that_is_not_text_is_told(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EmulatorError, match="not UTF-8"):
        Store(tmp_path / "emulator.db", seed_file=seed)
