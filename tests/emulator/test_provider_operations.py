"""The dynamic provider's operations against the emulator: what the engine gets, and what users read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.runtime.rpc import UNKNOWN

from emulator import Behaviour, Server
from emulator.flow_logs import FlowLog as StoredFlowLog
from providers.er import Deadline
from providers.flow_log_provider import FlowLogError, FlowLogProvider, IncompleteFlowLogError, Props
from tests.waiting import when

Serve = Callable[..., Server]
KEY = "5d1c2c0e-3b0e-4a35-9a52-6f0f9c0f8a11"
FOREVER = Behaviour(latency=3600)  # what is accepted isn't done within any test
NOWHERE = "00000000-0000-4000-8000-00000000ffff"
REQUEST = r"request [0-9a-f-]{36}"


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says nothing about whom to sign in as."""
    for variable in ("TOKEN", "USERNAME", "PASSWORD", "USER_DOMAIN_NAME", "DOMAIN_NAME", "PROJECT_ID", "PROJECT_NAME"):
        monkeypatch.delenv(f"OS_{variable}", raising=False)
    monkeypatch.delenv("OS_AUTH_URL", raising=False)
    monkeypatch.delenv("OS_REGION_NAME", raising=False)


def configured(**settings: str) -> FlowLogProvider:
    config = {f"otc-flow-logs:{key}": value for key, value in settings.items()}
    provider = FlowLogProvider()
    provider.configure(ConfigureRequest(Config(raw_config=config, project_name="otc-flow-logs")))
    return provider


def provider_of(server: Server, **settings: str) -> FlowLogProvider:
    return configured(**{"endpoint": server.url, "token": server.token, "project_id": server.project_id, **settings})


@pytest.fixture
def provider(server: Server) -> FlowLogProvider:
    """The provider, talking to the test's server, on which everything is done at once."""
    return provider_of(server)


def inputs_of(server: Server, attachment: str = "vpc-a", **changes: Any) -> Props:
    """What a program wants, after check."""
    found = server.store.attachment(attachment)
    inputs = {
        "er_id": found.er_id,
        "resource_id": found.id,
        "log_group_id": "00000000-0000-4000-b000-000000000001",
        "log_stream_id": "00000000-0000-4000-b000-000000000011",
        "name": "shop",
        "idempotency_key": KEY,
        **changes,
    }
    checked = FlowLogProvider().check({}, inputs)
    assert checked.failures == []
    return dict(checked.inputs)


@pytest.fixture
def inputs(server: Server) -> Props:
    """A flow log of the attachment vpc-a."""
    return inputs_of(server)


def only(server: Server) -> StoredFlowLog:
    """The one flow log that there is."""
    (flow_log,) = server.store.flow_logs.live()
    return flow_log


def created(provider: FlowLogProvider, inputs: Props) -> tuple[str, Props]:
    result = provider.create(inputs)
    assert result.outs is not None
    return str(result.id), result.outs


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(FlowLogError) as caught:
        call()
    assert not isinstance(caught.value, IncompleteFlowLogError)
    return str(caught.value)


def unfinished(call: Callable[[], object]) -> IncompleteFlowLogError:
    with pytest.raises(IncompleteFlowLogError) as caught:
        call()
    return caught.value


# Create


def test_create_gives_the_engine_the_id_and_every_property(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    id_, outs = created(provider, inputs)

    assert id_ == only(server).id
    times = (outs.pop("created_at"), outs.pop("updated_at"))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)
    assert outs == {
        **inputs,
        "description": "",
        "enabled": True,
        "resource_type": "attachment",
        "log_store_type": "LTS",
        "state": "available",
        "project_id": server.project_id,
        "log_aggregation_interval": 600,
    }


def test_create_without_an_idempotency_key_makes_none_up(provider: FlowLogProvider, server: Server) -> None:
    _, outs = created(provider, inputs_of(server, idempotency_key=None))

    assert "idempotency_key" not in outs


def test_a_disabled_flow_log_is_disabled_when_it_is_created(provider: FlowLogProvider, server: Server) -> None:
    _, outs = created(provider, inputs_of(server, enabled=False, description="quiet"))

    assert (outs["enabled"], outs["state"], outs["description"]) == (False, "available", "quiet")
    assert only(server).enabled is False


def test_create_after_a_crash_goes_on_with_what_there_is(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    id_, _ = created(provider, inputs)

    again, outs = created(provider, {**inputs, "name": "renamed"})

    assert again == id_ == only(server).id
    assert outs["name"] == only(server).name == "renamed"


def test_a_used_up_quota_is_told_with_its_numbers_and_what_to_do(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    created(provider, inputs_of(server, "vpc-b"))
    server.store.set_quota(1)

    assert re.fullmatch(
        r"flow log 'shop' was not created: The quota flow_log of 1 is used up"
        rf" \(ER\.04009008, HTTP 400, {REQUEST}\): 1 of 1 are in use;"
        r" delete flow logs nobody needs, or ask for a higher quota with a service ticket",
        refused(lambda: provider.create(inputs)),
    )


def test_an_attachment_that_cannot_be_logged_is_told_with_its_type_and_those_that_can(
    provider: FlowLogProvider, server: Server
) -> None:
    inputs = inputs_of(server, "cfw-a")

    assert re.fullmatch(
        rf"flow log 'shop' was not created: Attachment {inputs['resource_id']} is of type cfw, which cannot be logged"
        rf" \(ER\.04008500, HTTP 400, {REQUEST}\);"
        r" only attachments of these types can be logged: vpc, vpn, vgw, and this is a cfw",
        refused(lambda: provider.create(inputs)),
    )


def test_an_existing_flow_log_of_somebody_else_is_told_and_left_alone(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    theirs, _ = created(provider, {**inputs, "name": "theirs", "idempotency_key": "another"})
    before = only(server)

    message = refused(lambda: provider.create(inputs))

    assert re.fullmatch(
        rf"flow log 'shop' was not created: attachment {inputs['resource_id']} already has flow log 'theirs',"
        rf" id {theirs}, for log group {inputs['log_group_id']} and log stream {inputs['log_stream_id']}"
        rf" \(ER\.04008503, HTTP 400, {REQUEST}\); if this stack created it, run with --refresh; otherwise delete it, or"
        rf" adopt it: with adopt: true in a stack file, or with import_='{inputs['er_id']}/{theirs}' in the"
        " resource options of a program",
        message,
    )
    assert only(server) == before


def test_what_a_create_names_and_does_not_exist_is_told(provider: FlowLogProvider, inputs: Props) -> None:
    expected = {
        "er_id": f"Enterprise router {NOWHERE} does not exist (ER.04041001, HTTP 404, request ",
        "resource_id": f"Attachment {NOWHERE} does not exist on router {inputs['er_id']} (ER.04044001, HTTP 404, ",
        "log_group_id": f"log_group_id: log group {NOWHERE} does not exist (ER.04009005, HTTP 400, request ",
        "log_stream_id": f"log_stream_id: log stream {NOWHERE} does not exist in log group {inputs['log_group_id']} (",
    }
    for key, text in expected.items():
        message = refused(lambda key=key: provider.create({**inputs, key: NOWHERE}))  # type: ignore[misc]
        assert message.startswith(f"flow log 'shop' was not created: {text}")


def test_a_create_that_does_not_end_keeps_the_flow_log_for_the_engine(serve: Serve) -> None:
    server = serve(FOREVER)
    provider, inputs = provider_of(server), inputs_of(server, enabled=False)

    error = unfinished(lambda: provider.create(inputs, Deadline(seconds=0.2)))

    id_ = only(server).id
    assert str(error) == (
        f"flow log 'shop' ({id_}) exists but is not as declared yet: gave up after 0 s of"
        " waiting for available: pending; the next `pulumi up` continues from there"
    )
    assert (error.id, error.outs["state"], error.outs["enabled"]) == (id_, "pending", True)
    assert error.outs["idempotency_key"] == KEY

    # The next `up`: the diff looks, and the update finishes.
    server.store.set_flow_log_state(id_, "available")
    server = serve()
    diff = provider_of(server).diff(id_, error.outs, inputs)
    assert (diff.changes, diff.replaces_by_property) == (True, {"enabled": False})
    outs = provider_of(server).update(id_, error.outs, inputs).outs
    assert outs is not None
    assert (outs["state"], outs["enabled"], only(server).enabled) == ("available", False, False)


def test_a_flow_log_that_fails_is_kept_as_failed_and_replaced_by_the_next_up(serve: Serve) -> None:
    server = serve(FOREVER)
    provider, inputs = provider_of(server), inputs_of(server)
    fails = when("available", lambda: server.store.set_flow_log_state(only(server).id, "failed"))

    error = unfinished(lambda: provider.create(inputs, Deadline(report=fails)))

    id_ = only(server).id
    assert f"flow log {id_} went to state failed and has to be replaced" in str(error)
    assert error.outs["state"] == "failed"
    diff = provider.diff(id_, error.outs, inputs)
    assert (diff.changes, diff.replaces, diff.delete_before_replace) == (True, ["state"], True)


# Read


def test_read_of_an_unchanged_flow_log_gives_back_what_create_gave(provider: FlowLogProvider, inputs: Props) -> None:
    id_, outs = created(provider, inputs)

    read = provider.read(id_, outs)

    assert (read.id, read.outs) == (id_, outs)
    assert read.inputs == inputs
    assert provider.diff(id_, outs, inputs).changes is False


@pytest.mark.parametrize(
    ("drift", "key", "value"),
    [
        (lambda server: server.store.rename_flow_log("shop", "by-hand"), "name", "by-hand"),
        (lambda server: server.store.describe_flow_log("shop", "by hand"), "description", "by hand"),
        (lambda server: server.store.disable_flow_log("shop"), "enabled", False),
    ],
)
def test_drift_is_read_shown_and_put_right(
    provider: FlowLogProvider, server: Server, inputs: Props, drift: Callable[[Server], None], key: str, value: Any
) -> None:
    id_, outs = created(provider, inputs)
    drift(server)

    read = provider.read(id_, outs)
    assert read.outs is not None
    assert read.inputs is not None
    assert read.outs[key] == read.inputs[key] == value
    assert {**read.inputs, key: inputs[key]} == inputs

    diff = provider.diff(id_, read.outs, inputs)
    assert (diff.changes, diff.replaces, diff.replaces_by_property) == (True, [], {key: False})

    provider.update(id_, read.outs, inputs)
    assert vars(only(server))[key] == inputs[key]
    assert provider.read(id_, read.outs).inputs == inputs


@pytest.mark.parametrize("status", [404, 400])
def test_a_flow_log_deleted_by_hand_is_gone_for_the_engine(serve: Serve, status: int) -> None:
    server = serve(Behaviour(latency=0, missing_flow_log=status))
    provider = provider_of(server)
    id_, outs = created(provider, inputs_of(server))
    server.store.delete_flow_log(id_)

    read = provider.read(id_, outs)

    assert (read.id, read.outs, read.inputs) == ("", {}, {})


def test_a_flow_log_missing_from_a_list_is_not_gone(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, list_lag=3600))
    provider = provider_of(server)
    id_, outs = created(provider, inputs_of(server))

    assert provider.read(id_, outs).id == id_


def test_a_flow_log_that_cannot_be_read_is_not_gone(provider: FlowLogProvider, server: Server, inputs: Props) -> None:
    id_, outs = created(provider, inputs)
    server.store.identity.revoke(server.token)

    message = refused(lambda: provider.read(id_, outs))

    assert message.startswith(f"flow log {id_} could not be read: {server.url} refused the credentials (")
    assert server.token not in message


def test_a_connection_to_another_project_never_takes_a_flow_log_for_gone(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    id_, outs = created(provider, inputs)
    user, project = server.store.identity.users()[0], server.store.identity.projects("eu-nl")[0]
    token, _ = server.store.identity.issue(user, project)
    elsewhere = provider_of(server, token=token, project_id=project.id)

    for call in (
        lambda: elsewhere.read(id_, outs),
        lambda: elsewhere.update(id_, outs, {**inputs, "name": "other"}),
        lambda: elsewhere.delete(id_, outs),
    ):
        message = refused(call)
        assert server.project_id in message
        assert project.id in message
    assert only(server).id == id_


def test_an_import_needs_router_and_flow_log_and_gives_inputs_without_a_key(
    provider: FlowLogProvider, inputs: Props
) -> None:
    id_, outs = created(provider, inputs)

    read = provider.read(f"{inputs['er_id']}/{id_}", {})

    assert read.id == id_
    del inputs["idempotency_key"], outs["idempotency_key"]
    assert (read.inputs, read.outs) == (inputs, outs)


@pytest.mark.parametrize(
    "id_", ["{flow_log}", "/{flow_log}", "{router}/", "a/{router}/{flow_log}", "{router}:{flow_log}"]
)
def test_an_import_id_that_is_none_says_how_it_is_written(provider: FlowLogProvider, inputs: Props, id_: str) -> None:
    flow_log, _ = created(provider, inputs)
    given = id_.format(flow_log=flow_log, router=inputs["er_id"])

    message = refused(lambda: provider.read(given, {}))

    assert repr(given) in message
    assert message.endswith("is not the import id of a flow log: it must be ER_ID/FLOW_LOG_ID")


def test_an_import_from_another_router_finds_nothing(provider: FlowLogProvider, server: Server, inputs: Props) -> None:
    id_, _ = created(provider, inputs)

    assert provider.read(f"{server.store.router('er-second').id}/{id_}", {}).id == ""
    assert provider.read(f"{inputs['er_id']}/{NOWHERE}", {}).id == ""


# Diff


def test_a_diff_of_what_is_available_asks_nobody(provider: FlowLogProvider, server: Server, inputs: Props) -> None:
    id_, outs = created(provider, inputs)
    server.requests.reset()

    same = provider.diff(id_, outs, inputs)
    other_key = provider.diff(id_, outs, {**inputs, "idempotency_key": "another"})
    renamed = provider.diff(id_, outs, {**inputs, "name": "other"})

    assert (same.changes, same.replaces, same.replaces_by_property) == (False, [], {})
    assert other_key.changes is False
    assert (renamed.changes, renamed.replaces, renamed.replaces_by_property) == (True, [], {"name": False})
    assert server.requests.read() == {}


@pytest.mark.parametrize("value", ["other", UNKNOWN])
@pytest.mark.parametrize(
    ("key", "replaces"),
    [
        ("name", False),
        ("description", False),
        ("enabled", False),
        ("er_id", True),
        ("resource_id", True),
        ("log_group_id", True),
        ("log_stream_id", True),
        ("resource_type", True),
        ("log_store_type", True),
    ],
)
def test_a_diff_says_what_changes_and_what_that_replaces(key: str, replaces: bool, value: str) -> None:
    olds = {
        "er_id": "r",
        "resource_id": "a",
        "log_group_id": "g",
        "log_stream_id": "s",
        "name": "n",
        "description": "",
        "enabled": True,
        "resource_type": "attachment",
        "log_store_type": "LTS",
        "state": "available",
    }

    diff = FlowLogProvider().diff("f", olds, {**olds, key: value})

    assert (diff.changes, diff.replaces_by_property, diff.replaces) == (True, {key: replaces}, [key] * replaces)
    assert diff.delete_before_replace is (key in ("resource_type", "log_store_type"))


@pytest.mark.parametrize("stored", ["pending", "modifying", "deleting", "failed"])
def test_what_was_not_available_is_looked_up_once(
    provider: FlowLogProvider, server: Server, inputs: Props, stored: str
) -> None:
    id_, outs = created(provider, inputs)
    server.requests.reset()

    diff = provider.diff(id_, {**outs, "state": stored, "name": "stale"}, inputs)

    assert diff.changes is False
    assert sum(server.requests.read().values()) == 1


@pytest.mark.parametrize("now", ["failed", "deleted"])
def test_what_has_failed_or_gone_since_is_replaced(
    provider: FlowLogProvider, server: Server, inputs: Props, now: str
) -> None:
    id_, outs = created(provider, inputs)
    server.store.set_flow_log_state(id_, now)

    diff = provider.diff(id_, {**outs, "state": "pending"}, {**inputs, "name": "other"})

    assert (diff.changes, diff.replaces) == (True, ["state"])
    assert diff.replaces_by_property == {"name": False, "state": True}
    assert diff.delete_before_replace is True


def test_a_failed_flow_log_that_moves_is_deleted_only_after_the_new_one_is_made(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    id_, outs = created(provider, inputs)
    server.store.set_flow_log_state(id_, "failed")

    diff = provider.diff(id_, {**outs, "state": "failed"}, {**inputs, "log_stream_id": "other"})

    assert diff.replaces == ["log_stream_id", "state"]
    assert diff.delete_before_replace is False


def test_a_failed_flow_log_is_replaced_by_delete_and_create(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    id_, outs = created(provider, inputs)
    server.store.set_flow_log_state(id_, "failed")

    provider.delete(id_, outs)
    new, new_outs = created(provider, inputs)

    assert new != id_
    assert (only(server).id, new_outs["state"]) == (new, "available")


def test_a_look_that_fails_is_an_error_and_no_diff(provider: FlowLogProvider, server: Server, inputs: Props) -> None:
    id_, outs = created(provider, inputs)
    server.store.identity.revoke(server.token)

    message = refused(lambda: provider.diff(id_, {**outs, "state": "pending"}, inputs))

    assert message.startswith(f"flow log {id_} could not be read: ")


# Update


def test_update_makes_all_that_can_be_changed_in_place_as_wanted(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    id_, outs = created(provider, inputs)
    wanted = {**inputs, "name": "other", "description": "new", "enabled": False, "idempotency_key": "another"}

    result = provider.update(id_, outs, wanted)

    assert result.outs is not None
    assert {key: result.outs[key] for key in wanted} == wanted
    assert (result.outs["state"], result.outs["project_id"]) == ("available", server.project_id)
    stored = only(server)
    assert (stored.id, stored.name, stored.description, stored.enabled) == (id_, "other", "new", False)


def test_update_of_what_somebody_deleted_says_how_to_go_on(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    id_, outs = created(provider, inputs)
    server.store.delete_flow_log(id_)

    assert refused(lambda: provider.update(id_, outs, {**inputs, "name": "other"})) == (
        f"flow log {id_} was deleted outside of Pulumi: run `pulumi up --refresh` to create it again"
    )


def test_an_update_that_does_not_end_keeps_what_it_is_like(serve: Serve) -> None:
    fast = serve()
    inputs = inputs_of(fast)
    id_, outs = created(provider_of(fast), inputs)
    server = serve(FOREVER)

    error = unfinished(
        lambda: provider_of(server).update(
            id_, outs, {**inputs, "name": "other", "enabled": False}, Deadline(seconds=0.3)
        )
    )

    assert error.id == id_
    assert str(error).startswith(f"flow log 'other' ({id_}) exists but is not as declared yet: gave up after ")
    assert str(error).endswith("waiting for available: modifying; the next `pulumi up` continues from there")
    assert (error.outs["name"], error.outs["enabled"], error.outs["state"]) == ("other", True, "modifying")


def test_an_update_of_one_that_failed_keeps_it_as_failed(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    id_, outs = created(provider, inputs)
    server.store.set_flow_log_state(id_, "failed")

    error = unfinished(lambda: provider.update(id_, outs, {**inputs, "name": "other"}))

    assert (error.id, error.outs["state"]) == (id_, "failed")
    assert provider.diff(id_, error.outs, inputs).replaces == ["state"]


def test_an_update_that_is_not_allowed_is_told_with_its_reason(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    id_, outs = created(provider, inputs)
    server.store.identity.revoke(server.token)

    message = refused(lambda: provider.update(id_, outs, {**inputs, "name": "other"}))

    assert message.startswith(f"flow log 'other' could not be changed: {server.url} refused the credentials (")


# Delete


def test_delete_returns_when_the_flow_log_is_gone_and_may_be_repeated(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.1))
    provider = provider_of(server)
    id_, outs = created(provider, inputs_of(server))

    provider.delete(id_, outs)

    assert server.store.flow_logs.live() == []
    provider.delete(id_, outs)


def test_delete_of_what_is_being_operated_waits_until_it_may(
    provider: FlowLogProvider, server: Server, inputs: Props
) -> None:
    id_, outs = created(provider, inputs)
    server.store.set_flow_log_state(id_, "modifying")

    waits: list[str] = []

    def becomes_available_at_the_first_wait(waiting_for: str) -> None:
        waits.append(waiting_for)
        if len(waits) == 1:
            server.store.set_flow_log_state(id_, "available")

    provider.delete(id_, outs, Deadline(report=becomes_available_at_the_first_wait))

    assert server.store.flow_logs.live() == []


def test_a_delete_that_cannot_be_done_names_the_flow_log(serve: Serve) -> None:
    fast = serve()
    id_, outs = created(provider_of(fast), inputs_of(fast))
    server = serve(FOREVER)

    message = refused(lambda: provider_of(server).delete(id_, outs, Deadline(seconds=1)))

    assert message == (
        f"flow log 'shop' ({id_}) could not be deleted:"
        " gave up after 1 s of waiting for deletion: deleting;"
        " it stays in the state, and the next run continues from there"
    )
    assert only(server).id == id_


# ProviderConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "no region: set otc-flow-logs:region in the stack file to eu-de or eu-nl (or OS_REGION_NAME in the "),
        ({"region": "eu-fr"}, "otc-flow-logs:region: there is no region 'eu-fr'; regions are "),
        ({"endpoint": "http://er.example.invalid"}, "otc-flow-logs:endpoint: 'http://er.example"),
        ({"endpoint": "http://[::1"}, "otc-flow-logs:endpoint: 'http://[::1' is not an address"),
        ({"endpoint": "https://*.invalid"}, "otc-flow-logs:endpoint: 'https://*.invalid' is not "),
        ({"endpoint": "https://er..invalid"}, "otc-flow-logs:endpoint: 'https://er..invalid' is "),
        ({"endpoint": "https://a b.invalid"}, "otc-flow-logs:endpoint: 'https://a b.invalid' is "),
        ({"region": "eu-de"}, "no credentials for https://er.eu-de.otc.t-systems.com: set OS_USERNAME (or otc-flow-"),
        ({"region": "eu-de", "token": "t"}, "a token needs the id of its project: set otc-flow-logs:project_id in "),
    ],
)
def test_settings_that_make_no_sense_are_told_by_the_first_operation_that_needs_them(
    settings: dict[str, str], message: str
) -> None:
    signed_in = {"token": "t", "project_id": "p"} if "endpoint" in settings else {}

    provider = configured(**settings, **signed_in)

    props = {"er_id": "r", "state": "available", "name": "n"}
    assert refused(lambda: provider.read("f", props, Deadline(seconds=0))).startswith(message)


def test_a_password_signs_in_at_the_first_operation_and_not_before(serve: Serve) -> None:
    server = serve()
    provider = configured(
        endpoint=server.url,
        region="eu-de",
        username="tester",
        password="only-for-tests",  # of the test seed
        domain="OTC-TEST",
    )
    assert server.requests.read() == {}

    _, outs = created(provider, inputs_of(server))

    assert server.requests.read()["POST /v3/auth/tokens"] == 1
    assert outs["project_id"] == server.project_id
    assert "only-for-tests" not in str(outs)


def test_a_wrong_password_is_told_without_showing_it(server: Server, inputs: Props) -> None:
    provider = configured(
        endpoint=server.url, region="eu-de", username="tester", password="hush-hush", domain="OTC-TEST"
    )

    assert refused(lambda: provider.create(inputs)) == (
        "flow log 'shop' was not created: IAM refused user 'tester' of domain 'OTC-TEST':"
        " check user name, password, domain and project 'eu-de' (HTTP 401)"
    )
