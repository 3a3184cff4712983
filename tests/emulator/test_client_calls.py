"""Calls of the client against the emulator, beyond what the contract files show."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator import Behaviour, Server
from providers.er import Client, Deadline, Endpoints
from providers.er.auth.token import TokenCredentials
from providers.er.calls import Calls
from providers.er.exceptions import (
    ApiError,
    BusyError,
    DeadlineExceededError,
    NotFoundError,
    TemporaryError,
    UnauthorizedError,
)
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.pagination import PAGE_SIZE, pages
from providers.er.quotas import UNLIMITED, Quota
from tests.emulator.clients import LIST, client_of, only, target_of

Serve = Callable[..., Server]
NOWHERE = "00000000-0000-4000-8000-00000000ffff"
ATTACHMENTS = "GET /v3/{project_id}/enterprise-router/{er_id}/attachments"


def create(er: Client, target: FlowLogTarget, name: str = "shop", description: str = "") -> FlowLog:
    return er.flow_logs.create(target, name=name, description=description, client_token=name)


# Flow logs


def test_created_flow_log_is_pending_and_as_requested(er: Client, server: Server) -> None:
    created = er.flow_logs.create(target_of(server), name="shop-1_a.b", description="Grüße, 東京", client_token="t")

    stored = only(server)
    assert created.id == stored.id
    assert (created.name, created.description, created.target) == (
        "shop-1_a.b",
        "Grüße, 東京",
        target_of(server),
    )
    assert (created.state, created.enabled, created.project_id) == ("pending", True, server.project_id)
    assert 60 <= created.log_aggregation_interval <= 600
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created.created_at)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created.updated_at)


def test_update_changes_name_and_description_at_once(er: Client, server: Server) -> None:
    created = create(er, target_of(server), description="before")

    updated = er.flow_logs.update(created.target.er_id, created.id, name="other", description="")

    assert (updated.id, updated.name, updated.description, updated.state) == (created.id, "other", "", "available")
    assert er.flow_logs.get(created.target.er_id, created.id).name == "other"


def test_disable_and_enable_are_accepted_at_once_and_done_later(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.05))
    er = client_of(server)
    created = create(er, target_of(server))
    er_id, id_ = created.target.er_id, created.id

    disabling = er.flow_logs.disable(er_id, id_)  # waits while the create is going on
    enabling = er.flow_logs.enable(er_id, id_)  # waits while the disable is going on

    assert (disabling.state, disabling.enabled) == ("modifying", True)
    assert (enabling.state, enabling.enabled) == ("modifying", False)


def test_deleted_flow_log_is_not_found_and_its_target_is_free(er: Client, server: Server) -> None:
    created = create(er, target_of(server))

    er.flow_logs.delete(created.target.er_id, created.id)

    with pytest.raises(NotFoundError) as caught:
        er.flow_logs.get(created.target.er_id, created.id)
    assert (caught.value.status, caught.value.code) == (404, "ER.04008501")
    assert caught.value.request_id
    assert create(er, target_of(server), "another").id != created.id
    assert [flow_log.name for flow_log in server.store.flow_logs.live()] == ["another"]


@pytest.mark.parametrize("attachment", ["vpc-waiting", "vpc-modifying"])
def test_create_waits_for_a_busy_attachment(serve: Serve, attachment: str) -> None:
    server = serve()
    texts: list[str] = []

    def become_available(text: str) -> None:
        if text == "the service to answer":
            return  # which takes its time on a busy machine
        texts.append(text)
        server.store.set_attachment_state(attachment, "available")

    er = client_of(server, Deadline(report=become_available))

    assert create(er, target_of(server, attachment)).state == "pending"
    assert len(texts) == 1
    assert texts[0].startswith("the service (Attachment ")


def test_create_on_a_busy_router_ends_with_the_deadline(serve: Serve) -> None:
    server = serve()
    target = target_of(server)
    server.store.set_router_state("er-main", "modifying")

    with pytest.raises(DeadlineExceededError) as caught:
        create(client_of(server, Deadline(seconds=0.2)), target)

    assert caught.value.code == "ER.04001003"
    assert isinstance(caught.value.__cause__, BusyError)
    assert server.store.flow_logs.live() == []


def test_list_has_the_flow_logs_of_one_router(er: Client, server: Server) -> None:
    ids = {create(er, target_of(server, name), name).id for name in ("vpc-a", "vpn-a", "vgw-a")}
    other = create(er, target_of(server, "vpc-second"), "second")

    assert {flow_log.id for flow_log in er.flow_logs.list(target_of(server).er_id)} == ids
    assert [flow_log.target for flow_log in er.flow_logs.list(other.target.er_id)] == [other.target]
    for read in (er.flow_logs.list, er.attachments.list):
        with pytest.raises(NotFoundError) as caught:
            list(read(NOWHERE))
        assert caught.value.code == "ER.04041001"


def test_list_can_be_filtered_by_attachments(er: Client, server: Server) -> None:
    for name in ("vpc-a", "vpn-a", "vgw-a"):
        create(er, target_of(server, name), name)
    attachments = [target_of(server).resource_id, target_of(server, "vgw-a").resource_id]

    found = er.flow_logs.list(target_of(server).er_id, resource_ids=attachments)

    assert sorted(record.name for record in found) == ["vgw-a", "vpc-a"]


# Around flow logs


def test_attachments_of_any_type_and_state_are_listed_and_shown(er: Client, server: Server) -> None:
    found = {attachment.name: attachment for attachment in er.attachments.list(server.store.router("er-main").id)}

    assert {name: (attachment.resource_type, attachment.state) for name, attachment in found.items()} == {
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
    for listed in found.values():
        assert er.attachments.get(stored.er_id, listed.id) == listed


def test_answer_about_another_resource_is_refused(er: Client, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    other = create(er, target_of(server))
    target = {key: value for key, value in vars(other.target).items() if key != "er_id"}
    answer = {
        "attachment": {"id": other.id, "state": "available", "resource_type": "vpc"},
        "flow_log": {**vars(other), **target},
    }
    monkeypatch.setattr(Calls, "er", lambda _calls, _method, _path, parse: parse(answer))

    for read, kind in ((er.attachments.get, "attachment"), (er.flow_logs.get, "flow log")):
        with pytest.raises(TemporaryError, match=f"with {kind} {other.id} instead of {NOWHERE}"):
            read(NOWHERE, NOWHERE)


def test_quota_is_that_of_the_project_or_of_one_router(er: Client, server: Server) -> None:
    create(er, target_of(server), "a")
    create(er, target_of(server, "vpc-second"), "b")

    assert er.quotas.flow_logs() == Quota(limit=4, used=2)
    assert er.quotas.flow_logs(er_id=target_of(server, "vpc-second").er_id) == Quota(limit=4, used=1)

    server.store.set_quota(-1)
    assert er.quotas.flow_logs() == Quota(limit=UNLIMITED, used=2)


@pytest.mark.parametrize("id_", ["", ".", "..", "a/b", "a?b=c", "a#b", "a b", "a%2Fb", "a\n", "ä", "x" * 65])
def test_only_ids_become_part_of_a_request(er: Client, server: Server, id_: str) -> None:
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


def test_token_of_another_project_is_refused_by_the_gateway(server: Server) -> None:
    elsewhere = server.store.identity.projects("eu-nl")[0].id
    er = Client(TokenCredentials(server.token, elsewhere), Endpoints.at(server.url))

    with pytest.raises(ApiError) as caught:
        list(er.routers.list())

    assert (caught.value.status, caught.value.code) == (403, "APIG.0302")
    assert not isinstance(caught.value, UnauthorizedError)


# Pages


def test_list_of_several_pages_is_complete(er: Client, server: Server) -> None:
    existing = len(server.store.network.all_attachments())
    count = 2 * PAGE_SIZE + 1
    router = server.store.router("er-second").id
    with server.store.network._database.writing() as connection:  # one transaction for thousands of them
        connection.executemany(
            "INSERT INTO attachment VALUES (?, ?, ?, '', 'available', 'vpc', 'r', '{}', 0, 0, NULL)",
            [(f"bulk-{index:05}", router, f"vpc-{index}") for index in range(count)],
        )
    assert len(server.store.network.all_attachments()) == existing + count

    found = [attachment.id for attachment in er.attachments.list(router)]

    assert len(found) == len(set(found)) == count + 1
    assert server.requests.read() == {ATTACHMENTS: 3}


def flow_log_pages(er: Client, er_id: str, size: int) -> list[str]:
    path = f"{er_id}/flow-logs"
    return [
        record["name"]
        for record in pages(
            lambda page, parse: er.calls.er("GET", path, parse, params=page), "flow_logs", dict, page_size=size
        )
    ]


@pytest.mark.parametrize(("size", "requests"), [(1, 4), (2, 2), (3, 2), (4, 1), (5, 1)])
def test_pages_of_any_size_have_every_record_once(er: Client, server: Server, size: int, requests: int) -> None:
    names = ["vpc-a", "vpc-b", "vpn-a", "vgw-a"]
    for name in names:
        create(er, target_of(server, name), name)
    server.requests.reset()

    assert sorted(flow_log_pages(er, target_of(server).er_id, size)) == sorted(names)
    assert server.requests.read() == {LIST: requests}


def test_record_deleted_while_paging_hides_no_other(er: Client, server: Server) -> None:
    names = {create(er, target_of(server, name), name).id: name for name in ("vpc-a", "vpc-b", "vpn-a", "vgw-a")}
    path = f"{target_of(server, 'vpc-a').er_id}/flow-logs"
    reading = pages(lambda page, parse: er.calls.er("GET", path, parse, params=page), "flow_logs", dict, page_size=1)

    seen = [next(reading)["name"]]
    server.store.delete_flow_log(seen[0])
    seen += [record["name"] for record in reading]

    assert seen == [names[id_] for id_ in sorted(names)]


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
        created = create(er, targets[index], f"log-{index}")
        assert er.flow_logs.get(created.target.er_id, created.id).name == f"log-{index}"
        er.flow_logs.delete(created.target.er_id, created.id)
        return created.id

    with ThreadPoolExecutor(32) as threads:
        ids = list(threads.map(live, range(count)))

    assert len(set(ids)) == count
    assert server.store.flow_logs.live() == []
