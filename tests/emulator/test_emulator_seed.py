"""Seed files: the demo has what is promised, and every mistake is reported with its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
USER, ATTACHMENT, PROJECT = "password: p", "{name: a, resource_type: vpc}", "name: eu-de,"
KEY = "{access_key: AK, secret_key: SK}"
POLICY = '{Version: "1.1", Statement: [{Effect: Allow, Action: ["er:*:list"]}]}'

Fill = Callable[[str, str], Store]


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    return tmp_path / "seed.yaml"


@pytest.fixture
def fill(tmp_path: Path, seed: Path) -> Iterator[Fill]:
    """Fill a database from a good seed in which something is replaced."""
    with ExitStack() as stack:

        def fill_from(before: str, after: str) -> Store:
            assert before in GOOD
            seed.write_text(GOOD.replace(before, after, 1))
            store = Store(tmp_path / "emulator.db", seed_file=seed, clock=lambda: 1_000_000)
            stack.callback(store.close)
            return store

        yield fill_from


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "emulator.db", seed_file=DEMO)
    yield store
    store.close()


def test_demo_has_two_routers_with_twelve_attachments_of_all_types(demo: Store) -> None:
    assert [router.name for router in demo.network.all_routers()] == ["er-core", "er-edge"]
    attachments = demo.network.all_attachments()
    assert {attachment.resource_type for attachment in attachments} == {"vpc", "vpn", "vgw", "cfw"}
    assert Counter(attachment.state for attachment in attachments) == {"available": 11, "pending_acceptance": 1}
    assert all(attachment.tags.keys() == {"env", "team"} for attachment in attachments)
    project = demo.identity.projects()[0]
    assert (project.name, demo.quotas.of(project.id).limit) == ("eu-de", 50)
    streams = {
        group.name: [stream.name for stream in demo.log_tank.streams(project.id, group.id)]
        for group in demo.log_tank.groups()
    }
    assert streams == {"network": ["er-flow-logs", "er-flow-logs-archive"], "security": ["audit", "perimeter"]}


def test_demo_has_writer_and_reader_with_realistic_access_keys(demo: Store) -> None:
    assert [(user.name, user.role) for user in demo.identity.users()] == [("demo", "writer"), ("auditor", "reader")]
    owners = []
    for access_key in re.findall(r"access_key: (\w+)", DEMO.read_text(encoding="utf-8")):
        key = demo.identity.access_key(access_key)
        assert key is not None
        assert re.fullmatch(r"[A-Z0-9]{20}", access_key)
        assert re.fullmatch(r"\w{40}", key.secret_key)
        assert key.expires_at is None
        owners.append((key.user.name, key.security_token is not None))
    assert owners == [("demo", False), ("demo", True), ("auditor", False)]


def test_optional_keys_have_defaults(fill: Fill, seed: Path) -> None:
    store = fill("", "")
    attachment = store.attachment("a")
    assert (attachment.state, attachment.tags, attachment.description) == ("available", {}, "")
    assert store.quotas.of(store.identity.projects()[0].id).limit == 20
    assert store.seed_source == str(seed)
    assert store.identity.users()[0].role == "writer"


def test_user_may_have_policy_in_place_of_role(fill: Fill) -> None:
    (user,) = fill(USER, f"{USER}, policy: {POLICY}").identity.users()
    assert user.role is None
    assert user.policy.allows("er:quotas:list")
    assert not user.policy.allows("lts:groups:list")


def test_access_key_expires_counted_from_filling(fill: Fill) -> None:
    key = fill(USER, f"{USER}, access_keys: [{KEY[:-1]}, expires_in: 60}}]").identity.access_key("AK")
    assert key is not None
    assert (key.user.name, key.secret_key, key.security_token, key.expires_at) == ("u", "SK", None, 61_000_000)


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("domain: {name: D}\n", "", "the document has no domain"),
        ("domain: {name: D}", "domain: {name: 7}", "domain.name must be a valid string (put it in quotes"),
        (f"[{{name: u, {USER}}}]", "[]", "users must have at least 1 item"),
        (USER, "pasword: p", "users[0] has an unknown key 'pasword': the emulator reads id, name, password, passcode"),
        (f", {USER}", "", "users[0] has no password"),
        (USER, f"{USER}, role: owner", "users[0].role must be 'writer' or 'reader', not 'owner'"),
        (USER, f"{USER}, policy: reader", "users[0].policy must be a mapping with Version, Statement"),
        (USER, f"{USER}, policy: null", "users[0].policy must have a value"),
        (USER, f"{USER}, policy: {POLICY}, role: reader", "users[0] has both a role and a policy: leave one out"),
        (
            USER,
            f"{USER}, policy: {POLICY.replace('Allow', 'allow')}",
            "users[0].policy.Statement[0].Effect must be 'Allow' or 'Deny', not 'allow'",
        ),
        (USER, f"{USER}, access_keys: [{{access_key: AK}}]", "users[0].access_keys[0] has no secret_key"),
        (
            USER,
            f"{USER}, access_keys: [{KEY[:-1]}, expires_in: 0}}]",
            "[0].expires_in must be greater than or equal to 1, not 0",
        ),
        (USER, f"{USER}, access_keys: [{KEY}, {KEY}]", "users[0].access_keys[1].access_key repeats 'AK'"),
        (ATTACHMENT, "{name: a, resource_type: vcp}", ".resource_type must be 'vpc', 'vgw', "),
        ("{name: a,", "{name: a, state: broken,", "projects[0].routers[0].attachments[0].state must be 'pending', "),
        ("{name: a,", "{name: a, tags: {x: 1},", "attachments[0].tags.x must be a valid string"),
        (ATTACHMENT, f"{{id: x, {ATTACHMENT[1:]}, {{id: x, {ATTACHMENT[1:]}", "attachments[1].id repeats 'x'"),
        (
            PROJECT,
            f"{PROJECT} quotas: {{flow_log: -2}},",
            "quotas.flow_log must be greater than or equal to -1, not -2",
        ),
        (PROJECT, f"{PROJECT} quotas: {{shoes: 1}},", "projects[0].quotas has an unknown key 'shoes'"),
        ("{name: a,", "{name: a", ", line 4, is not valid YAML"),
        ("domain: {name: D}", "domain: !!python/name:os.system {}", "is not valid YAML"),
    ],
)
def test_mistake_in_seed_is_reported_with_its_place(fill: Fill, before: str, after: str, complaint: str) -> None:
    with pytest.raises(EmulatorError, match=r"^The seed file \S+seed\.yaml") as caught:
        fill(before, after)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [(None, r"Cannot read the seed file \S+: No such file"), (b"\xff\xfe\x00", "is not UTF-8 text")],
)
def test_unreadable_seed_is_refused(tmp_path: Path, seed: Path, contents: bytes | None, complaint: str) -> None:
    if contents is not None:
        seed.write_bytes(contents)
    with pytest.raises(EmulatorError, match=complaint):
        Store(tmp_path / "emulator.db", seed_file=seed)
