"""The emulator with the contents of the real account that the walk uses: same ids, same names."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import emulator
from emulator.flow_logs import NewFlowLog
from emulator.rules import ATTACHMENT_STATES, AVAILABLE, UNLIMITED
from providers.er import Client, Endpoints
from providers.er.auth.token import TokenCredentials
from providers.er.flow_logs import FlowLog
from tests.live.place import Place

LATENCY = 1.0  # seconds: long enough to see each passing state


@contextlib.contextmanager
def mirror(place: Place, *, project_id: str, project: str, flow_logs: Sequence[FlowLog]) -> Iterator[Client]:
    """A client of an emulator that runs until the end of the block.

    Args:
        place: Where the flow log is to be created.
        project_id: The project's id.
        project: Its name.
        flow_logs: The attachment's flow logs to other targets.

    Raises:
        EmulatorError: It cannot start.
    """
    with tempfile.TemporaryDirectory(prefix="live-") as name:
        folder = Path(name)
        seed = folder / "seed.yaml"
        seed.write_text(json.dumps(_seed(place, project_id, project, flow_logs)))
        behaviour = emulator.Behaviour(latency=LATENCY)
        with emulator.serve(folder / "emulator.db", seed=seed, behaviour=behaviour) as server:
            for flow_log in flow_logs:
                copy = NewFlowLog(
                    name=flow_log.name,
                    description=flow_log.description,
                    resource_id=flow_log.target.resource_id,
                    log_group_id=flow_log.target.log_group_id,
                    log_stream_id=flow_log.target.log_stream_id,
                )
                server.store.flow_logs.create(project_id, place.router.id, copy)
            yield Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url))


def _seed(place: Place, project_id: str, project: str, flow_logs: Sequence[FlowLog]) -> dict[str, Any]:
    """See emulator/seed.py; there, names must not be empty."""
    attachment = place.attachment
    mirrored = {
        "id": attachment.id,
        "name": attachment.name or attachment.id,
        "resource_type": attachment.resource_type,
        "state": attachment.state if attachment.state in ATTACHMENT_STATES else AVAILABLE,
        "tags": {key: value or "-" for key, value in attachment.tags.items()},
        **({"resource_id": attachment.resource_id} if attachment.resource_id else {}),
    }
    router = {"id": place.router.id, "name": place.router.name or place.router.id, "attachments": [mirrored]}
    names = {place.group.id: place.group.name, place.stream.id: place.stream.name}
    streams = {place.group.id: {place.stream.id}}
    for flow_log in flow_logs:
        streams.setdefault(flow_log.target.log_group_id, set()).add(flow_log.target.log_stream_id)

    def named(id_: str, **others: object) -> dict[str, object]:
        return {"id": id_, "name": names.get(id_) or id_, **others}

    groups = [named(group_id, streams=[named(id_) for id_ in sorted(ids)]) for group_id, ids in streams.items()]
    contents = {"quotas": {"flow_log": UNLIMITED}, "routers": [router], "log_groups": groups}
    return {
        "domain": {"name": "mirror"},
        "users": [{"name": "mirror", "password": "never-used"}],
        "projects": [{"id": project_id, "name": project, **contents}],
    }
