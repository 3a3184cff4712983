"""Every call of the client against the emulator: what goes in, which record comes out."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulator import Behaviour, Server
from providers.er import Client, Deadline, Endpoints
from providers.er.auth.token import TokenCredentials
from providers.er.exceptions import (
    AlreadyExistsError,
    ApiError,
    AttachmentTypeError,
    BusyError,
    DeadlineExceededError,
    InvalidParametersError,
    NotFoundError,
    QuotaExceededError,
    TemporaryError,
    UnauthorizedError,
)
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.pagination import PAGE_SIZE, pages
from providers.er.quotas import UNLIMITED, Quota
from providers.er.routers import Router

Serve = Callable[..., Server]
NOWHERE = "00000000-0000-4000-8000-00000000ffff"
LIST = "GET /v3/{project_id}/enterprise-router/{er_id}/flow-logs"
ATTACHMENTS = "GET /v3/{project_id}/enterprise-router/{er_id}/attachments"


def client_of(server: Server, *, seconds: float = 60.0) -> Client:
    client = Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url), poll=lambda _: 0.01)
    return client.with_deadline(Deadline(seconds=seconds))


@pytest.fixture
def er(server: Server) -> Client:
    """Our client of the test's server."""
    return client_of(server)


@pytest.fixture
def target(server: Server) -> Callable[[str], FlowLogTarget]:
    """From the name of an attachment to the target that logs it to the stream `flow`."""
    return lambda attachment: target_of(server, attachment)


def target_of(server: Server, attachment: str, stream: str = "flow") -> FlowLogTarget:
    found = server.store.attachment(attachment)
    group = server.store.log_group("network")
    (stream_id,) = (one.id for one in server.store.log_tank.streams(group.project_id, group.id) if one.name == stream)
    return FlowLogTarget(er_id=found.er_id, resource_id=found.id, log_group_id=group.id, log_stream_id=stream_id)


Target = Callable[[str], FlowLogTarget]


def made(er: Client, target: FlowLogTarget, name: str = "shop", description: str = "") -> FlowLog:
    return er.flow_logs.create(target, name=name, description=description, client_token=name)


# Flow logs


def test_a_created_flow_log_is_pending_and_exactly_what_was_asked_for(
    er: Client, server: Server, target: Target
) -> None:
    created = er.flow_logs.create(target("vpc-a"), name="shop-1_a.b", description="Grüße, 東京", client_token="t")

    (stored,) = server.store.flow_logs.live()
    assert created.id == stored.id
    assert (created.name, created.description, created.target) == ("shop-1_a.b", "Grüße, 東京", target("vpc-a"))
    assert (created.state, created.enabled, created.project_id) == ("pending", True, server.project_id)
    assert 60 <= created.log_aggregation_interval <= 600
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created.created_at)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created.updated_at)


def test_a_shown_flow_log_is_the_one_that_was_created(er: Client, target: Target) -> None:
    created = made(er, target("vpc-a"), description="d")

    shown = er.flow_logs.get(created.target.er_id, created.id)

    assert (shown.id, shown.name, shown.description, shown.target) == (created.id, "shop", "d", target("vpc-a"))
    assert shown.state == "available"


def test_a_repeated_create_with_one_token_makes_one_flow_log(er: Client, server: Server, target: Target) -> None:
    assert made(er, target("vpc-a")).id == made(er, target("vpc-a")).id
    assert len(server.store.flow_logs.live()) == 1


def test_name_and_description_change_at_once_and_the_description_can_be_emptied(er: Client, target: Target) -> None:
    created = made(er, target("vpc-a"), description="before")

    updated = er.flow_logs.update(created.target.er_id, created.id, name="other", description="")

    assert (updated.id, updated.name, updated.description, updated.state) == (created.id, "other", "", "available")
    assert er.flow_logs.get(created.target.er_id, created.id).name == "other"


def test_disabling_and_enabling_are_accepted_at_once_and_done_later(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.05))
    er = client_of(server)
    created = made(er, target_of(server, "vpc-a"))
    er_id, id_ = created.target.er_id, created.id

    disabling = er.flow_logs.disable(er_id, id_)  # waits while the create is going on
    enabling = er.flow_logs.enable(er_id, id_)  # and this one while the disable is

    assert (disabling.state, disabling.enabled) == ("modifying", True)
    assert (enabling.state, enabling.enabled) == ("modifying", False)


def test_a_deleted_flow_log_is_not_found_and_its_target_is_free(er: Client, server: Server, target: Target) -> None:
    created = made(er, target("vpc-a"))

    er.flow_logs.delete(created.target.er_id, created.id)

    with pytest.raises(NotFoundError) as caught:
        er.flow_logs.get(created.target.er_id, created.id)
    assert (caught.value.status, caught.value.code) == (404, "ER.04008501")
    assert caught.value.request_id
    assert made(er, target("vpc-a"), "another").id != created.id
    assert [one.name for one in server.store.flow_logs.live()] == ["another"]


@pytest.mark.parametrize("status", [404, 400])
def test_a_missing_flow_log_is_missing_for_every_call_whatever_the_status(serve: Serve, status: int) -> None:
    server = serve(Behaviour(latency=0, missing_flow_log=status))
    logs, router = client_of(server).flow_logs, server.store.router("er-main").id
    calls: list[Callable[[], object]] = [
        lambda: logs.get(router, NOWHERE),
        lambda: logs.update(router, NOWHERE, name="a", description=""),
        lambda: logs.enable(router, NOWHERE),
        lambda: logs.disable(router, NOWHERE),
        lambda: logs.delete(router, NOWHERE),
    ]
    for call in calls:
        with pytest.raises(NotFoundError) as caught:
            call()
        assert (caught.value.status, caught.value.code) == (status, "ER.04008501")
        assert str(caught.value).startswith(f"Flow log {NOWHERE} does not exist (ER.04008501, HTTP {status}, request ")


def test_each_refusal_of_a_create_is_told_apart(er: Client, server: Server, target: Target) -> None:
    made(er, target("vpc-a"))
    refusals: list[tuple[type[ApiError], str, FlowLogTarget, str]] = [
        (AlreadyExistsError, "ER.04008503", target("vpc-a"), "a"),
        (AttachmentTypeError, "ER.04008500", target("cfw-a"), "a"),
        (InvalidParametersError, "ER.04009005", target("vpc-b"), "not a name"),
        (InvalidParametersError, "ER.04009005", target("vpc-b"), "shop"),  # the token of the first one
        (NotFoundError, "ER.04044001", FlowLogTarget(**{**vars(target("vpc-b")), "resource_id": NOWHERE}), "a"),
        (NotFoundError, "ER.04041001", FlowLogTarget(**{**vars(target("vpc-b")), "er_id": NOWHERE}), "a"),
    ]
    for error, code, where, name in refusals:
        with pytest.raises(error) as caught:
            made(er, where, name)
        assert (caught.value.code, bool(caught.value.request_id)) == (code, True)

    server.store.set_quota(1)
    with pytest.raises(QuotaExceededError) as exceeded:
        made(er, target("vpc-b"), "b")
    assert exceeded.value.code == "ER.04009008"


@pytest.mark.parametrize("attachment", ["vpc-waiting", "vpc-modifying"])
def test_a_create_waits_for_an_attachment_that_is_being_operated(serve: Serve, attachment: str) -> None:
    server = serve()
    texts: list[str] = []

    def becomes_available(text: str) -> None:
        if text == "the service to answer":
            return  # which takes its time on a busy machine
        texts.append(text)
        server.store.set_attachment_state(attachment, "available")

    er = client_of(server).with_deadline(Deadline(report=becomes_available))

    assert made(er, target_of(server, attachment)).state == "pending"
    assert len(texts) == 1
    assert texts[0].startswith("the service (Attachment ")


def test_a_router_that_stays_unavailable_costs_the_caller_its_patience_only(serve: Serve) -> None:
    server = serve()
    target = target_of(server, "vpc-a")
    server.store.set_router_state("er-main", "modifying")

    with pytest.raises(DeadlineExceededError) as caught:
        made(client_of(server, seconds=0.2), target)

    assert caught.value.code == "ER.04001003"
    assert isinstance(caught.value.__cause__, BusyError)
    assert server.store.flow_logs.live() == []


def test_a_list_has_the_flow_logs_of_the_router_asked_for(er: Client, target: Target) -> None:
    ids = {made(er, target(name), name).id for name in ("vpc-a", "vpn-a", "vgw-a")}
    other = made(er, target("vpc-second"), "second")

    assert {one.id for one in er.flow_logs.list(target("vpc-a").er_id)} == ids
    assert [one.target for one in er.flow_logs.list(other.target.er_id)] == [target("vpc-second")]


def test_a_list_can_be_narrowed_to_several_attachments(er: Client, target: Target) -> None:
    for name in ("vpc-a", "vpn-a", "vgw-a"):
        made(er, target(name), name)
    wanted = [target("vpc-a").resource_id, target("vgw-a").resource_id]

    found = er.flow_logs.list(target("vpc-a").er_id, resource_ids=wanted)

    assert sorted(one.name for one in found) == ["vgw-a", "vpc-a"]


def test_a_list_is_only_asked_for_when_it_is_read(er: Client, server: Server) -> None:
    flow_logs = er.flow_logs.list(server.store.router("er-main").id)
    assert server.requests.read() == {}
    assert list(flow_logs) == []
    assert server.requests.read() == {LIST: 1}


# Around flow logs


def test_attachments_are_listed_whatever_their_type_and_state(er: Client, server: Server) -> None:
    found = {one.name: one for one in er.attachments.list(server.store.router("er-main").id)}

    assert {name: (one.resource_type, one.state) for name, one in found.items()} == {
        "vpc-a": ("vpc", "available"),
        "vpc-b": ("vpc", "available"),
        "vpn-a": ("vpn", "available"),
        "vgw-a": ("vgw", "available"),
        "cfw-a": ("cfw", "available"),
        "vpc-waiting": ("vpc", "pending_acceptance"),
        "vpc-modifying": ("vpc", "modifying"),
    }
    stored = server.store.attachment("vpc-a")
    assert (found["vpc-a"].id, found["vpc-a"].resource_id) == (stored.id, stored.resource_id)
    assert found["vpc-a"].tags == {"env": "prod", "team": "shop"}
    assert found["vpc-b"].tags == {}


def test_a_shown_attachment_is_the_one_that_is_listed(er: Client, server: Server) -> None:
    router = server.store.router("er-main").id

    for listed in er.attachments.list(router):
        assert er.attachments.get(router, listed.id) == listed


def test_an_attachment_that_is_not_there_is_not_found(er: Client, server: Server) -> None:
    router, other = server.store.router("er-main").id, server.store.router("er-second").id
    removed, kept = server.store.attachment("vpc-a").id, server.store.attachment("vpc-b").id
    server.store.remove_attachment("vpc-a")

    for er_id, id_, code in [
        (router, removed, "ER.04044001"),
        (router, NOWHERE, "ER.04044001"),
        (other, kept, "ER.04044001"),
        (NOWHERE, kept, "ER.04041001"),
    ]:
        with pytest.raises(NotFoundError) as caught:
            er.attachments.get(er_id, id_)
        assert (caught.value.status, caught.value.code, bool(caught.value.request_id)) == (404, code, True)


def test_an_answer_about_another_attachment_is_not_believed(er: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {"id": "another", "state": "available", "resource_type": "vpc"}
    monkeypatch.setattr(Client, "er", lambda _client, _method, _path, parse: parse({"attachment": record}))

    with pytest.raises(TemporaryError, match=f"about attachment another, not {NOWHERE}"):
        er.attachments.get(NOWHERE, NOWHERE)


def test_routers_are_those_of_the_project(er: Client, server: Server) -> None:
    main = server.store.router("er-main").id

    found = list(er.routers.list())

    assert [one.name for one in found] == ["er-main", "er-second", "er-modifying"]
    assert found[0] == Router(id=main, name="er-main", state="available")
    assert found[2].state == "modifying"


def test_lists_of_a_router_that_does_not_exist_are_not_found(er: Client) -> None:
    for read in (er.flow_logs.list, er.attachments.list):
        with pytest.raises(NotFoundError) as caught:
            list(read(NOWHERE))
        assert caught.value.code == "ER.04041001"


def test_the_quota_is_that_of_the_project_or_as_it_stands_for_one_router(
    er: Client, server: Server, target: Target
) -> None:
    made(er, target("vpc-a"), "a")
    made(er, target("vpc-second"), "b")

    assert er.quotas.flow_logs() == Quota(limit=4, used=2)
    assert er.quotas.flow_logs(er_id=target("vpc-second").er_id) == Quota(limit=4, used=1)

    server.store.set_quota(-1)
    assert er.quotas.flow_logs() == Quota(limit=UNLIMITED, used=2)


def test_log_groups_and_streams_are_those_of_the_project_in_their_order(er: Client) -> None:
    groups = er.log_groups.list()

    assert [group.name for group in groups] == ["network", "security"]
    assert groups[0] == LogGroup(id="00000000-0000-4000-b000-000000000001", name="network")
    assert er.log_streams.list(groups[0].id) == [
        LogStream(id="00000000-0000-4000-b000-000000000011", name="flow"),
        LogStream(id="00000000-0000-4000-b000-000000000012", name="archive"),
    ]


def test_streams_of_a_group_that_does_not_exist_are_not_found(er: Client) -> None:
    with pytest.raises(NotFoundError) as caught:
        er.log_streams.list(NOWHERE)
    assert caught.value.code == "LTS.0201"


@pytest.mark.parametrize("id_", ["", ".", "..", "a/b", "a?b=c", "a#b", "a b", "a%2Fb", "a\n", "ä", "x" * 65])
def test_what_is_not_an_id_never_becomes_part_of_a_request(er: Client, server: Server, id_: str) -> None:
    router = server.store.router("er-main").id
    calls: list[Callable[[], object]] = [
        lambda: er.flow_logs.get(router, id_),
        lambda: er.flow_logs.get(id_, NOWHERE),
        lambda: er.flow_logs.delete(router, id_),
        lambda: list(er.flow_logs.list(id_)),
        lambda: list(er.attachments.list(id_)),
        lambda: er.attachments.get(router, id_),
        lambda: er.attachments.get(id_, NOWHERE),
        lambda: er.log_streams.list(id_),
    ]
    for call in calls:
        with pytest.raises(ApiError, match="is not an id: ids are 1 to 64 letters, digits, '_' and '-'"):
            call()
    assert server.requests.read() == {}


def test_a_token_for_another_project_is_refused_with_the_gateways_code(server: Server) -> None:
    elsewhere = server.store.identity.projects("eu-nl")[0].id
    er = Client(TokenCredentials(server.token, elsewhere), Endpoints.at(server.url))

    with pytest.raises(ApiError) as caught:
        list(er.routers.list())

    assert (caught.value.status, caught.value.code) == (403, "APIG.0302")
    assert not isinstance(caught.value, UnauthorizedError)


# Pages


def test_a_router_with_more_attachments_than_a_page_holds_is_listed_completely(er: Client, server: Server) -> None:
    existing = len(server.store.network.all_attachments())
    count = 2 * PAGE_SIZE + 1
    router = server.store.router("er-second").id
    with server.store.network._database.writing() as connection:  # one transaction for thousands of them
        connection.executemany(
            "INSERT INTO attachment VALUES (?, ?, ?, '', 'available', 'vpc', 'r', '{}', 0, 0, NULL)",
            [(f"bulk-{index:05}", router, f"vpc-{index}") for index in range(count)],
        )
    assert len(server.store.network.all_attachments()) == existing + count

    found = [one.id for one in er.attachments.list(router)]

    assert len(found) == len(set(found)) == count + 1
    assert server.requests.read() == {ATTACHMENTS: 3}


def flow_log_pages(er: Client, er_id: str, size: int) -> list[str]:
    path = f"{er_id}/flow-logs"
    return [
        one["name"]
        for one in pages(
            lambda page, parse: er.calls.er("GET", path, parse, params=page), "flow_logs", dict, page_size=size
        )
    ]


@pytest.mark.parametrize(("size", "requests"), [(1, 4), (2, 2), (3, 2), (4, 1), (5, 1)])
def test_pages_of_any_size_together_have_every_record_once(
    er: Client, server: Server, target: Target, size: int, requests: int
) -> None:
    names = ["vpc-a", "vpc-b", "vpn-a", "vgw-a"]
    for name in names:
        made(er, target(name), name)
    server.requests.reset()

    assert sorted(flow_log_pages(er, target("vpc-a").er_id, size)) == sorted(names)
    assert server.requests.read() == {LIST: requests}


def test_records_that_go_while_pages_are_read_are_no_reason_to_miss_others(
    er: Client, server: Server, target: Target
) -> None:
    names = {made(er, target(name), name).id: name for name in ("vpc-a", "vpc-b", "vpn-a", "vgw-a")}
    path = f"{target('vpc-a').er_id}/flow-logs"
    reading = pages(lambda page, parse: er.calls.er("GET", path, parse, params=page), "flow_logs", dict, page_size=1)

    seen = [next(reading)["name"]]
    server.store.delete_flow_log(seen[0])
    seen += [one["name"] for one in reading]

    assert seen == [names[id_] for id_ in sorted(names)]


def scripted_pages(*answers: dict[str, Any], size: int = 2) -> tuple[list[str], int]:
    """The ids read from answers that no emulator gives, and the number of requests that took."""
    asked: list[dict[str, Any]] = []

    def fetch(page: dict[str, Any]) -> dict[str, Any]:
        asked.append(page)
        assert len(asked) < 50, "the list has no end"
        return answers[min(len(asked), len(answers)) - 1]

    return [one["id"] for one in pages(lambda page, parse: parse(fetch(page)), "things", dict, page_size=size)], len(
        asked
    )


def page(*ids: str, marker: str | None = None, total: int | None = None) -> dict[str, Any]:
    info = {"current_count": len(ids), **({} if marker is None else {"next_marker": marker})}
    return {
        "things": [{"id": id_} for id_ in ids],
        "page_info": info,
        **({} if total is None else {"total_count": total}),
    }


def test_a_list_ends_when_the_service_never_stops_naming_a_next_page() -> None:
    assert scripted_pages(page("a", "b", marker="1")) == (["a", "b"], 2)
    assert scripted_pages(page("a", "b", marker="1"), page("c", "d", marker="2"), page("e", "f", marker="1")) == (
        ["a", "b", "c", "d", "e", "f"],
        3,
    )
    assert scripted_pages(page(marker="1", total=7)) == ([], 1)


def test_a_short_page_is_the_last_one_unless_the_service_counts_more() -> None:
    assert scripted_pages(page("a", marker="1"), page("b")) == (["a"], 1)
    assert scripted_pages(page("a", marker="1", total=1), page("b")) == (["a"], 1)
    assert scripted_pages(page("a", marker="a", total=2), page("b", total=2)) == (["a", "b"], 2)


def test_a_list_without_page_info_is_one_page() -> None:
    assert scripted_pages({"things": [{"id": "a"}, {"id": "b"}]}) == (["a", "b"], 1)
    assert scripted_pages({"things": [{"id": "a"}, {"id": "b"}], "page_info": None}) == (["a", "b"], 1)


# Many at once


def test_many_threads_share_one_client(er: Client, server: Server) -> None:
    server.store.set_quota(-1)
    count = 64
    for index in range(count):
        server.store.add_attachment("er-main", f"bulk-{index}")
    targets = [target_of(server, f"bulk-{index}") for index in range(count)]
    together = threading.Barrier(32)

    def live(index: int) -> str:
        if index < 32:
            together.wait(30)
        created = made(er, targets[index], f"log-{index}")
        assert er.flow_logs.get(created.target.er_id, created.id).name == f"log-{index}"
        er.flow_logs.delete(created.target.er_id, created.id)
        return created.id

    with ThreadPoolExecutor(32) as threads:
        ids = list(threads.map(live, range(count)))

    assert len(set(ids)) == count
    assert server.store.flow_logs.live() == []
