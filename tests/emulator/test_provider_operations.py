"""The dynamic provider's operations against the emulator: what the engine gets, and what users read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from emulator import Behaviour, Server
from emulator.faults.plan import Fault
from providers.er import Deadline
from providers.flow_log_provider import FlowLogProvider
from providers.resource import IncompleteResourceError, Props, ResourceError
from providers.schema import is_provisional
from tests.emulator.clients import only, target_of
from tests.sdk import configured

Serve = Callable[..., Server]
KEY = "5d1c2c0e-3b0e-4a35-9a52-6f0f9c0f8a11"
NEVER_DONE = Behaviour(latency=3600)
NOWHERE = "00000000-0000-4000-8000-00000000ffff"
REQUEST = r"request [0-9a-f-]{36}"

pytestmark = pytest.mark.usefixtures("no_settings")


def provider_of(server: Server, **settings: str) -> FlowLogProvider:
    return configured(**{"endpoint": server.url, "token": server.token, "project_id": server.project_id, **settings})


@pytest.fixture
def provider(server: Server) -> FlowLogProvider:
    """The provider, configured for the test's server."""
    return provider_of(server)


def inputs_of(server: Server, attachment: str = "vpc-a", **changes: Any) -> Props:
    """The inputs of a flow log, after check."""
    target = vars(target_of(server, attachment))
    checked = FlowLogProvider().check({}, {**target, "name": "shop", "idempotency_key": KEY, **changes})
    assert checked.failures == []
    return dict(checked.inputs)


@pytest.fixture
def inputs(server: Server) -> Props:
    """The inputs of a flow log of the attachment vpc-a."""
    return inputs_of(server)


def create(provider: FlowLogProvider, inputs: Props) -> tuple[str, Props]:
    result = provider.create(inputs)
    assert result.outs is not None
    return str(result.id), result.outs


@pytest.fixture
def created(provider: FlowLogProvider, inputs: Props) -> tuple[str, Props]:
    """The id and the outputs of a flow log that exists."""
    return create(provider, inputs)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(ResourceError) as caught:
        call()
    assert not isinstance(caught.value, IncompleteResourceError)
    return str(caught.value)


def incomplete(call: Callable[[], object]) -> IncompleteResourceError:
    with pytest.raises(IncompleteResourceError) as caught:
        call()
    return caught.value


def lose_response(server: Server, when: str) -> tuple[str, Props]:
    """Lose the response of a create before or after the service executes it; return what stays in the state."""
    lost = Fault("reset", calls="POST */flow-logs", when=when, times=1)
    server.faults.use(0, [lost, Fault("error", calls="POST */flow-logs", status=403)])
    error = incomplete(lambda: provider_of(server).create(inputs_of(server)))
    server.faults.use(0, [])
    assert re.fullmatch(
        r"flow log 'shop' may have been created: \S.* \(APIG\.0302, HTTP 403, request [\w-]+\);"
        r" run `pulumi up --refresh` to find out",
        str(error),
    )
    assert is_provisional(error.id)
    assert error.outs == {**inputs_of(server), "state": "unknown", "project_id": server.project_id}
    return error.id, error.outs


# Create


@pytest.mark.parametrize("change", [("set_attachment_state", "vpc-a"), ("set_router_state", "er-main")])
def test_create_for_what_is_frozen_fails_at_once_in_one_sentence(
    provider: FlowLogProvider, server: Server, inputs: Props, change: tuple[str, str]
) -> None:
    method, name = change
    getattr(server.store, method)(name, "freezed")

    assert re.fullmatch(
        rf"flow log 'shop' was not created: .+ is frozen: the \w+ is frozen, so .+"
        rf" \(ER\.040090\d\d, HTTP 400, {REQUEST}\)",
        refused(lambda: provider.create(inputs, Deadline(seconds=3600))),
    )
    assert sum(server.requests.read().values()) == 1


@pytest.mark.parametrize("changes", [{}, {"enabled": False, "description": "quiet", "idempotency_key": None}])
def test_create_returns_id_and_all_outputs(provider: FlowLogProvider, server: Server, changes: dict[str, Any]) -> None:
    inputs = inputs_of(server, **changes)

    id_, outs = create(provider, inputs)

    stored = only(server)
    assert (id_, outs["enabled"], outs["description"]) == (stored.id, stored.enabled, stored.description)
    times = (outs.pop("created_at"), outs.pop("updated_at"))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)
    assert outs == {
        **{key: value for key, value in inputs.items() if value is not None},
        "state": "available",
        "project_id": server.project_id,
        "log_aggregation_interval": 600,
    }


def test_exceeded_quota_is_reported_with_numbers_and_what_to_do(provider: FlowLogProvider, server: Server) -> None:
    create(provider, inputs_of(server, "vpc-b"))
    server.store.set_quota(1)

    assert re.fullmatch(
        r"flow log 'shop' was not created: The quota flow_log of 1 is used up"
        rf" \(ER\.04009008, HTTP 400, {REQUEST}\): 1 of 1 are in use;"
        r" delete unused flow logs, or request a higher quota with a service ticket",
        refused(lambda: provider.create(inputs_of(server))),
    )


@pytest.mark.parametrize("type_", ["cfw", "peering"])
def test_attachment_that_cannot_be_logged_is_reported_with_its_type(
    provider: FlowLogProvider, server: Server, type_: str
) -> None:
    server.store.add_attachment("er-main", "other", resource_type=type_)
    inputs = inputs_of(server, "other")

    assert re.fullmatch(
        rf"flow log 'shop' was not created: Attachment {inputs['resource_id']} is of type {type_},"
        rf" which cannot be logged \(ER\.04008500, HTTP 400, {REQUEST}\);"
        rf" take this attachment of type {type_} out of the selection: types that can be logged are vpc, vpn, vgw",
        refused(lambda: provider.create(inputs)),
    )


def test_error_is_reported_without_hint_if_hint_cannot_be_fetched(provider: FlowLogProvider, server: Server) -> None:
    server.faults.use(0, [Fault("error", calls="GET *", status=403)])

    assert re.fullmatch(
        r"flow log 'shop' was not created: Attachment \S+ is of type cfw, which cannot be logged \([^)]*\)",
        refused(lambda: provider.create(inputs_of(server, "cfw-a"))),
    )


def test_flow_log_of_another_owner_is_reported_and_not_changed(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    existing, _ = create(provider, {**inputs, "name": "existing", "idempotency_key": "another"})
    before = only(server)

    message = refused(lambda: provider.create(inputs))

    assert re.fullmatch(
        rf"flow log 'shop' was not created: attachment {inputs['resource_id']} already has flow log 'existing',"
        rf" id {existing}, for log group {inputs['log_group_id']} and log stream {inputs['log_stream_id']}"
        rf" \(ER\.04008503, HTTP 400, {REQUEST}\); if this stack created it, run with --refresh; otherwise delete it,"
        rf" or import it with adopt: true in a stack file, or import_='{inputs['er_id']}/{existing}' in the resource"
        " options of a program",
        message,
    )
    assert only(server) == before


def test_next_update_completes_create_that_ran_out_of_time(serve: Serve) -> None:
    server = serve(NEVER_DONE)
    inputs = inputs_of(server, enabled=False)

    error = incomplete(lambda: provider_of(server).create(inputs, Deadline(seconds=0.2)))

    id_ = only(server).id
    assert str(error) == (
        f"flow log 'shop' ({id_}) exists but is not as declared yet: gave up after 0 s of"
        " waiting for available: pending; the next `pulumi up` continues from there"
    )
    assert (error.id, error.outs["state"], error.outs["enabled"]) == (id_, "pending", True)
    assert error.outs["idempotency_key"] == KEY

    server.store.set_flow_log_state(id_, "available")
    later = provider_of(serve())
    diff = later.diff(id_, error.outs, inputs)
    assert (diff.changes, diff.replaces_by_property) == (True, {"enabled": False})
    outs = later.update(id_, error.outs, inputs).outs
    assert outs is not None
    assert (outs["state"], outs["enabled"], only(server).enabled) == ("available", False, False)


# Create without a known outcome


@pytest.mark.parametrize(("list_lag", "name"), [(0, "shop"), (0.5, "shop"), (0, "renamed-by-hand")])
def test_refresh_finds_flow_log_of_create_with_lost_response(serve: Serve, list_lag: float, name: str) -> None:
    server = serve(Behaviour(latency=0, list_lag=list_lag))
    id_, outs = lose_response(server, "after")
    server.store.rename_flow_log("shop", name)

    read = provider_of(server).read(id_, outs)

    assert read.outs is not None
    assert (read.id, read.outs["state"], read.outs["name"]) == (only(server).id, "available", name)
    assert read.inputs == {**inputs_of(server), "name": name}


def test_refresh_keeps_provisional_id_while_lists_may_lag(provider: FlowLogProvider, server: Server) -> None:
    id_, outs = lose_response(server, "before")

    read = provider.read(id_, outs)

    assert (read.id, read.outs, read.inputs) == (id_, outs, inputs_of(server))
    assert server.store.flow_logs.live() == []


def test_refresh_that_fails_reports_that_outcome_is_unknown(provider: FlowLogProvider, server: Server) -> None:
    id_, outs = lose_response(server, "after")
    server.faults.use(0, [Fault("error", status=403)])

    for call in (lambda: provider.read(id_, outs), lambda: provider.delete(id_, outs)):
        assert re.match(
            r"it is not known whether flow log 'shop' was created: \S.* \(APIG\.0302, HTTP 403", refused(call)
        )


@pytest.mark.parametrize(
    ("when", "list_lag", "quota"),
    [("before", 0, 20), ("before", 60, 20), ("before", 0, 0), ("after", 0, 20), ("after", 60, 20)],
)
def test_create_with_lost_response_can_be_deleted(serve: Serve, when: str, list_lag: float, quota: int) -> None:
    server = serve(Behaviour(latency=0, list_lag=list_lag))
    id_, outs = lose_response(server, when)
    server.store.set_quota(quota)

    provider_of(server).delete(id_, outs)

    assert server.store.flow_logs.live() == []


def test_flow_log_of_another_owner_is_not_taken_for_lost_create(provider: FlowLogProvider, server: Server) -> None:
    id_, outs = lose_response(server, "before")
    existing, _ = create(provider, inputs_of(server, name="existing", idempotency_key="another"))

    assert provider.read(id_, outs).id == ""
    provider.delete(id_, outs)
    assert only(server).id == existing


@pytest.mark.parametrize(
    ("tokens", "stored", "declared"), [("honour", "renamed-by-hand", "renamed"), ("ignore", "shop", "shop")]
)
def test_flow_log_of_unknown_owner_is_kept_and_reported(serve: Serve, tokens: str, stored: str, declared: str) -> None:
    server = serve(Behaviour(latency=0, client_tokens=tokens))
    provider = provider_of(server)
    id_, outs = lose_response(server, "after")
    server.store.rename_flow_log("shop", stored)
    outs = {**outs, "name": declared}

    message = refused(lambda: provider.delete(id_, outs))

    assert message == (
        f"it is not known whether flow log '{declared}' was created: attachment {outs['resource_id']} has flow log"
        f" '{stored}', id {only(server).id}, and the service does not show who created it: delete or import it"
    )
    assert provider.read(id_, outs).id == id_


# Read


def test_read_of_unchanged_flow_log_returns_what_create_returned(
    provider: FlowLogProvider, inputs: Props, created: tuple[str, Props]
) -> None:
    read = provider.read(*created)

    assert (read.id, read.outs, read.inputs) == (*created, inputs)


DRIFT: dict[str, tuple[Callable[[Server], None], Any]] = {
    "name": (lambda server: server.store.rename_flow_log("shop", "by-hand"), "by-hand"),
    "description": (lambda server: server.store.describe_flow_log("shop", "by hand"), "by hand"),
    "enabled": (lambda server: server.store.disable_flow_log("shop"), False),
}


@pytest.mark.parametrize("key", DRIFT)
def test_drift_is_read_shown_and_corrected(provider: FlowLogProvider, server: Server, inputs: Props, key: str) -> None:
    id_, outs = create(provider, inputs)
    drift, value = DRIFT[key]
    drift(server)

    read = provider.read(id_, outs)
    assert read.outs is not None
    assert read.outs[key] == value
    assert read.inputs == {**inputs, key: value}

    diff = provider.diff(id_, read.outs, inputs)
    assert (diff.changes, diff.replaces, diff.replaces_by_property) == (True, [], {key: False})

    provider.update(id_, read.outs, inputs)
    assert vars(only(server))[key] == inputs[key]


@pytest.mark.parametrize("status", [404, 400])
def test_deleted_flow_log_is_gone(serve: Serve, status: int) -> None:
    server = serve(Behaviour(latency=0, missing_flow_log=status))
    provider = provider_of(server)
    id_, outs = create(provider, inputs_of(server))
    server.store.delete_flow_log(id_)

    read = provider.read(id_, outs)

    assert (read.id, read.outs, read.inputs) == ("", {}, {})
    provider.delete(id_, outs)


def test_refused_credentials_are_reported_and_flow_log_is_not_gone(
    provider: FlowLogProvider, server: Server, inputs: Props, created: tuple[str, Props]
) -> None:
    id_, outs = created
    server.store.identity.revoke(server.token)
    unread = f"flow log {id_} could not be read"

    for call, begin in (
        (lambda: provider.read(id_, outs), unread),
        (lambda: provider.diff(id_, {**outs, "state": "pending"}, inputs), unread),
        (lambda: provider.update(id_, outs, {**inputs, "name": "other"}), "flow log 'other' could not be changed"),
        (lambda: provider.delete(id_, outs), f"flow log 'shop' ({id_}) could not be deleted"),
    ):
        message = refused(call)
        assert message.startswith(f"{begin}: {server.url} refused the credentials (")
        assert server.token not in message


def test_flow_log_is_not_gone_in_another_project(server: Server, inputs: Props, created: tuple[str, Props]) -> None:
    id_, outs = created
    user, project = server.store.identity.users()[0], server.store.identity.projects("eu-nl")[0]
    elsewhere = provider_of(server, token=server.store.identity.issue(user, project)[0], project_id=project.id)

    for call in (
        lambda: elsewhere.read(id_, outs),
        lambda: elsewhere.update(id_, outs, {**inputs, "name": "other"}),
        lambda: elsewhere.delete(id_, outs),
    ):
        assert refused(call) == (
            f"flow log 'shop' is in project {server.project_id}, but the credentials and otc-flow-logs:project are for"
            f" project {project.id}"
        )
    assert only(server).id == id_


def test_import_reads_flow_log_without_idempotency_key(
    provider: FlowLogProvider, server: Server, inputs: Props, created: tuple[str, Props]
) -> None:
    id_, outs = created

    read = provider.read(f"{inputs['er_id']}/{id_}", {})

    del inputs["idempotency_key"], outs["idempotency_key"]
    assert (read.id, read.inputs, read.outs) == (id_, inputs, outs)
    assert provider.read(f"{inputs['er_id']}/{NOWHERE}", {}).id == ""
    assert provider.read(f"{server.store.router('er-second').id}/{id_}", {}).id == ""


# Diff


@pytest.mark.parametrize("stored", ["pending", "modifying", "deleting", "failed"])
def test_diff_reads_flow_log_once_if_it_was_not_available(
    provider: FlowLogProvider, server: Server, inputs: Props, created: tuple[str, Props], stored: str
) -> None:
    id_, outs = created
    server.requests.reset()

    assert provider.diff(id_, {**outs, "state": stored, "name": "stale"}, inputs).changes is False
    assert sum(server.requests.read().values()) == 1


@pytest.mark.parametrize(("now", "key", "replaces"), [("failed", "name", False), ("deleted", "log_stream_id", True)])
def test_failed_or_deleted_flow_log_is_replaced(
    provider: FlowLogProvider, inputs: Props, server: Server, now: str, key: str, replaces: bool
) -> None:
    id_, outs = create(provider, inputs)
    server.store.set_flow_log_state(id_, now)

    diff = provider.diff(id_, {**outs, "state": "pending"}, {**inputs, key: "other"})

    assert diff.replaces_by_property == {key: replaces, "state": True}
    assert diff.delete_before_replace is not replaces


# Update


def test_update_changes_everything_that_can_change_in_place(
    provider: FlowLogProvider, server: Server, inputs: Props, created: tuple[str, Props]
) -> None:
    wanted = {**inputs, "name": "other", "description": "new", "enabled": False, "idempotency_key": "another"}

    outs = provider.update(*created, wanted).outs

    assert outs is not None
    assert {key: outs[key] for key in wanted} == wanted
    assert (outs["state"], outs["project_id"]) == ("available", server.project_id)
    stored = only(server)
    assert (stored.id, stored.name, stored.description, stored.enabled) == (created[0], "other", "new", False)


def test_update_of_deleted_flow_log_reports_how_to_create_it_again(
    provider: FlowLogProvider, server: Server, inputs: Props, created: tuple[str, Props]
) -> None:
    id_, outs = created
    server.store.delete_flow_log(id_)

    assert refused(lambda: provider.update(id_, outs, inputs)) == (
        f"flow log {id_} was deleted outside of Pulumi: run `pulumi up --refresh` to create it again"
    )


def test_update_that_runs_out_of_time_keeps_the_flow_log_as_it_is(serve: Serve) -> None:
    fast = serve()
    inputs = inputs_of(fast)
    id_, outs = create(provider_of(fast), inputs)
    provider = provider_of(serve(NEVER_DONE))

    wanted = {**inputs, "name": "other", "enabled": False}
    error = incomplete(lambda: provider.update(id_, outs, wanted, Deadline(seconds=0.3)))

    assert str(error).startswith(f"flow log 'other' ({id_}) exists but is not as declared yet: gave up after ")
    assert str(error).endswith("waiting for available: modifying; the next `pulumi up` continues from there")
    assert error.id == id_
    assert (error.outs["name"], error.outs["enabled"], error.outs["state"]) == ("other", True, "modifying")


# Delete


def test_delete_that_runs_out_of_time_names_the_flow_log(serve: Serve) -> None:
    fast = serve()
    id_, outs = create(provider_of(fast), inputs_of(fast))
    server = serve(NEVER_DONE)

    assert refused(lambda: provider_of(server).delete(id_, outs, Deadline(seconds=1))) == (
        f"flow log 'shop' ({id_}) could not be deleted: gave up after 1 s of waiting for deletion: deleting;"
        " it stays in the state, and the next run continues from there"
    )
    assert only(server).id == id_


# Signing in


def test_create_that_cannot_sign_in_was_not_accepted(server: Server) -> None:
    settings = {"endpoint": server.url, "username": "tester", "password": "any", "domain": "OTC-TEST"}
    provider = configured(**settings, project_id=server.project_id)
    server.faults.use(0, [Fault("error", calls="POST /v3/auth/tokens", status=503)])

    message = refused(lambda: provider.create(inputs_of(server), Deadline(seconds=1)))

    assert message.startswith("flow log 'shop' was not created: gave up after 1 s of waiting for the service (")
