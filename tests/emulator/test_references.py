"""What the host checks about the ids that a resource refers to: the engine's calls, down to the emulator's API."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pulumi.dynamic.dynamic import PROVIDER_KEY
from pulumi.runtime import proto, rpc

from emulator import Server
from emulator.faults.plan import Fault
from providers import references
from providers.connection import Connection
from providers.er import Client
from providers.host.session import Session
from providers.urn import COMPONENT_TYPE, FLOW_LOG_TYPE, LOG_STREAM_TYPE
from tests.emulator.clients import BASE, CREATE, FLOW, GROUP, target_of
from tests.sdk import hosted, struct

URN = f"urn:pulumi:local::shop::{FLOW_LOG_TYPE}::shop"
ROUTER, SECOND_ROUTER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
VPC_A, VPC_B = "00000000-0000-4000-a000-000000000001", "00000000-0000-4000-a000-000000000002"
VPC, AUDIT = "00000000-0000-4000-c000-000000000001", "00000000-0000-4000-b000-000000000021"
MISSING = "00000000-0000-4000-8000-00000000ffff"
PROJECT = "0605767a9980d5762fbcc00b3537e757"

ROUTERS = "GET /v3/{project_id}/enterprise-router/instances"
ATTACHMENTS = BASE.replace("flow-logs", "attachments")
GROUPS = "GET /v2/{project_id}/groups"
ONCE_EACH = {ROUTERS: 1, f"GET {ATTACHMENTS}": 1, GROUPS: 1, f"{GROUPS}/{{log_group_id}}/streams": 1}


@dataclass
class Engine:
    """The engine's side of a run, with what it is told."""

    api: Server
    names: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    stub: Any = None

    def check(self, urn: str = URN, olds: Any = None, **changed: str) -> dict[str, str]:
        """The failures by input; the resource is a flow log of vpc-a with these changes."""
        inputs = {**vars(target_of(self.api)), "name": "shop", **changed}
        request = proto.CheckRequest(urn=urn, olds=struct(olds or {}), news=struct(inputs, **{PROVIDER_KEY: "it"}))
        return {failure.property: failure.reason for failure in self.stub.Check(request).failures}


@pytest.fixture
def start(base: type[Any], server: Server, er: Client) -> Iterator[Callable[..., Engine]]:
    """Start a run, which is reviewed or not."""
    with ExitStack() as stack:

        def begin(client: Client = er, *, is_reviewed: bool = False) -> Engine:
            engine = Engine(server)
            connection = cast(Connection, SimpleNamespace(client=client))
            publish = engine.names.update if is_reviewed else None
            session = Session(note=lambda _urn, text: engine.notes.append(text), connection=connection, publish=publish)
            engine.stub = stack.enter_context(hosted(base, session))
            server.requests.reset()
            return engine

        yield begin


@pytest.fixture
def engine(start: Callable[..., Engine]) -> Engine:
    return start()


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("er_id", "er-main", f"must be the id of the router, not its name 'er-main': use '{ROUTER}'"),
        ("er_id", MISSING, f"must be the id of the router: there is no router '{MISSING}' in project {PROJECT}"),
        ("resource_id", "vpc-b", f"must be the id of the attachment, not its name 'vpc-b': use '{VPC_B}'"),
        (
            "resource_id",
            VPC,
            f"must be the id of the attachment, not of what it attaches (vpc): use '{VPC_A}', that of vpc-a",
        ),
        (
            "resource_id",
            MISSING,
            f"must be the id of the attachment: there is no attachment '{MISSING}' on router {ROUTER}",
        ),
        ("log_group_id", "network", f"must be the id of the log group, not its name 'network': use '{GROUP}'"),
        (
            "log_group_id",
            MISSING,
            f"must be the id of the log group: there is no log group '{MISSING}' in project {PROJECT}",
        ),
        ("log_stream_id", "flow", f"must be the id of the log stream, not its name 'flow': use '{FLOW}'"),
        (
            "log_stream_id",
            AUDIT,
            f"must be the id of the log stream: there is no log stream '{AUDIT}' in log group {GROUP}",
        ),
    ],
)
def test_what_is_no_id_of_something_that_exists_is_refused(engine: Engine, key: str, value: str, reason: str) -> None:
    assert engine.check(**{key: value}) == {key: f"{key} {reason}"}
    assert engine.notes == []


def test_log_stream_in_a_group_that_does_not_exist_is_refused(engine: Engine) -> None:
    request = proto.CheckRequest(
        urn=URN.replace(FLOW_LOG_TYPE, LOG_STREAM_TYPE),
        news=struct({"log_group_id": "network", "name": "new"}, **{PROVIDER_KEY: "it"}),
    )
    (failure,) = engine.stub.Check(request).failures
    assert (failure.property, failure.reason.endswith(f"use '{GROUP}'")) == ("log_group_id", True)
    assert engine.api.requests.read() == {GROUPS: 1}


def test_all_resources_of_a_run_share_the_requests(engine: Engine) -> None:
    def check(number: int) -> dict[str, str]:
        return engine.check(f"{URN}-{number}", resource_id=f"00000000-0000-4000-a000-{number:012}")

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(check, range(1, 5))) == [{}] * 4
    assert engine.api.requests.read() == ONCE_EACH


@pytest.mark.parametrize(
    ("urn", "is_known", "value"),
    [
        (URN, False, rpc.UNKNOWN),  # in a preview, of something that the run will create
        (URN, True, MISSING),  # existed when the state was written
        (URN.replace("::pulumi", f"::{COMPONENT_TYPE}$pulumi"), False, MISSING),  # of a stack file
    ],
    ids=["unknown", "unchanged", "stack file"],
)
def test_nothing_is_requested_for_what_needs_no_check(engine: Engine, urn: str, is_known: bool, value: str) -> None:
    inputs = dict.fromkeys(("er_id", "resource_id", "log_group_id", "log_stream_id"), value)
    assert engine.check(urn, inputs if is_known else None, **inputs) == {}
    assert engine.api.requests.read() == {}


def test_what_is_created_during_the_run_is_found(engine: Engine) -> None:
    assert engine.check() == {}
    store = engine.api.store
    group = store.add_log_group("new")
    created = {
        "resource_id": store.add_attachment("er-main", "vpc-new"),
        "log_group_id": group,
        "log_stream_id": store.add_log_stream(group, "new"),
    }
    assert engine.check(f"{URN}-new", **created) == {}


@pytest.mark.parametrize("status", [401, 403, 503])
def test_nothing_is_refused_if_the_api_does_not_tell(
    engine: Engine, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "TIMEOUT", 0.1)
    engine.api.faults.use(0, [Fault("error", status=status, calls="GET */instances")])
    assert [engine.check(f"{URN}-{group}", log_group_id=group) for group in ("network", "security")] == [{}, {}]
    (note,) = engine.notes
    assert note.startswith("the ids of routers, attachments, log groups and log streams are not checked: ")


def test_attachments_of_a_router_of_another_project_are_not_checked(engine: Engine) -> None:
    store = engine.api.store
    store.share_router("er-elsewhere", "eu-de")
    assert engine.check(er_id=store.router("er-elsewhere").id, resource_id=MISSING, log_group_id="network") == {
        "log_group_id": f"log_group_id must be the id of the log group, not its name 'network': use '{GROUP}'"
    }
    assert engine.notes == []


def test_reviewer_is_told_the_names_of_what_exists_changes_and_goes(start: Callable[..., Engine]) -> None:
    engine = start(is_reviewed=True)
    target = vars(target_of(engine.api))
    security = {"log_group_id": engine.api.store.log_group("security").id, "log_stream_id": AUDIT}
    assert engine.check(URN, target, **security) == {}
    assert engine.names.items() >= {
        *((ROUTER, "er-main"), (VPC_A, "vpc-a"), (GROUP, "network"), (FLOW, "flow"), (AUDIT, "audit"))
    }
    engine.names.clear()

    second = {**target, "er_id": SECOND_ROUTER, "resource_id": engine.api.store.attachment("vpc-second").id}
    gone = {**second, "name": "by-hand", "project_id": PROJECT}
    assert engine.stub.Read(proto.ReadRequest(id=MISSING, urn=f"{URN}-2", properties=struct(gone))).id == ""
    assert engine.names == {second["resource_id"]: "vpc-second"}
    assert CREATE not in engine.api.requests.read()
