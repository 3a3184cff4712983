"""Calls of the client against the emulator, beyond what the contract files show."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator import Behaviour, Server
from providers.er import Client, Deadline
from providers.er.calls import Calls
from providers.er.exceptions import (
    ApiError,
    NotFoundError,
    TemporaryError,
)
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.pagination import PAGE_SIZE, pages
from providers.er.quotas import UNLIMITED, Quota
from tests.emulator.clients import client_of, target_of

Serve = Callable[..., Server]
NOWHERE = "00000000-0000-4000-8000-00000000ffff"
ATTACHMENTS = "GET /v3/{project_id}/enterprise-router/{er_id}/attachments"


def create(er: Client, target: FlowLogTarget, name: str = "shop", description: str = "") -> FlowLog:
    return er.flow_logs.create(target, name=name, description=description, client_token=name)


# Flow logs


def test_disable_and_enable_are_accepted_at_once_and_done_later(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.05))
    er = client_of(server)
    created = create(er, target_of(server))
    er_id, id_ = created.target.er_id, created.id

    disabling = er.flow_logs.disable(er_id, id_)  # waits while the create is going on
    enabling = er.flow_logs.enable(er_id, id_)  # waits while the disable is going on

    assert (disabling.state, disabling.enabled) == ("modifying", True)
    assert (enabling.state, enabling.enabled) == ("modifying", False)


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


def test_list_has_the_flow_logs_of_one_router(er: Client, server: Server) -> None:
    ids = {create(er, target_of(server, name), name).id for name in ("vpc-a", "vpn-a", "vgw-a")}
    other = create(er, target_of(server, "vpc-second"), "second")

    assert {flow_log.id for flow_log in er.flow_logs.list(target_of(server).er_id)} == ids
    assert [flow_log.target for flow_log in er.flow_logs.list(other.target.er_id)] == [other.target]
    for read in (er.flow_logs.list, er.attachments.list):
        with pytest.raises(NotFoundError) as caught:
            list(read(NOWHERE))
        assert caught.value.code == "ER.04041001"


# Around flow logs


def test_answer_about_another_resource_is_refused(er: Client, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    other = create(er, target_of(server))
    target = {key: value for key, value in vars(other.target).items() if key != "er_id"}
    answer = {
        "attachment": {"id": other.id, "state": "available", "resource_type": "vpc"},
        "flow_log": {**vars(other), **target},
    }
    monkeypatch.setattr(Calls, "er", lambda _calls, _action, _method, _path, parse: parse(answer))

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


@pytest.mark.parametrize("id_", ["", "..", "a/b"])
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


# Pages


def test_list_of_several_pages_is_complete(er: Client, server: Server) -> None:
    existing = len(server.store.network.all_attachments())
    count = PAGE_SIZE + 1
    router = server.store.router("er-second").id
    with server.store.network._database.writing() as connection:  # one transaction for thousands of them
        connection.executemany(
            "INSERT INTO attachment VALUES (?, ?, ?, '', 'available', 'vpc', 'r', '{}', 0, 0, NULL)",
            [(f"bulk-{index:05}", router, f"vpc-{index}") for index in range(count)],
        )
    assert len(server.store.network.all_attachments()) == existing + count

    found = [attachment.id for attachment in er.attachments.list(router)]

    assert len(found) == len(set(found)) == count + 1
    assert server.requests.read() == {ATTACHMENTS: 2}


def test_record_deleted_while_paging_hides_no_other(er: Client, server: Server) -> None:
    names = {create(er, target_of(server, name), name).id: name for name in ("vpc-a", "vpc-b", "vpn-a", "vgw-a")}
    path = f"{target_of(server, 'vpc-a').er_id}/flow-logs"
    reading = pages(
        lambda page, parse: er.calls.er("er:flowlogs:list", "GET", path, parse, params=page),
        "flow_logs",
        dict,
        page_size=1,
    )

    seen = [next(reading)["name"]]
    server.store.delete_flow_log(seen[0])
    seen += [record["name"] for record in reading]

    assert seen == [names[id_] for id_ in sorted(names)]
