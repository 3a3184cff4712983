"""The emulator with a world like the real one, as far as the walk touches it: same ids, same names."""

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
from providers.er.auth.credentials import TokenCredentials
from providers.er.flow_logs import FlowLog
from tests.live.place import Place

LATENCY = 1.0  # seconds: long enough for each passing state to be seen


@contextlib.contextmanager
def mirror(place: Place, *, project_id: str, project: str, flow_logs: Sequence[FlowLog]) -> Iterator[Client]:
    """A client of such an emulator, which is gone after the block.

    Args:
        place: Where the flow log is to be made.
        project_id: The project's id.
        project: Its name.
        flow_logs: Those that the attachment has, for other targets.

    Raises:
        EmulatorError: It cannot start.
    """
    with tempfile.TemporaryDirectory(prefix="live-") as name:
        folder = Path(name)
        seed = folder / "seed.yaml"
        seed.write_text(json.dumps(_world(place, project_id, project, flow_logs)))
        behaviour = emulator.Behaviour(latency=LATENCY)
        with emulator.serve(folder / "emulator.db", seed=seed, behaviour=behaviour) as server:
            for one in flow_logs:
                copy = NewFlowLog(
                    name=one.name,
                    description=one.description,
                    resource_id=one.target.resource_id,
                    log_group_id=one.target.log_group_id,
                    log_stream_id=one.target.log_stream_id,
                )
                server.store.flow_logs.create(project_id, place.router.id, copy)
            yield Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url))


def _world(place: Place, project_id: str, project: str, flow_logs: Sequence[FlowLog]) -> dict[str, Any]:
    """The seed; see emulator/seed.py, which wants no name to be empty."""
    attachment = place.attachment
    router = {
        "id": place.router.id,
        "name": place.router.name or place.router.id,
        "attachments": [
            {
                "id": attachment.id,
                "name": attachment.name or attachment.id,
                "resource_type": attachment.resource_type,
                "state": attachment.state if attachment.state in ATTACHMENT_STATES else AVAILABLE,
                "tags": {key: value or "-" for key, value in attachment.tags.items()},
                **({"resource_id": attachment.resource_id} if attachment.resource_id else {}),
            }
        ],
    }
    names = {place.group.id: place.group.name, place.stream.id: place.stream.name}
    streams = {place.group.id: {place.stream.id}}
    for one in flow_logs:
        streams.setdefault(one.target.log_group_id, set()).add(one.target.log_stream_id)
    groups = [
        {
            "id": group_id,
            "name": names.get(group_id) or group_id,
            "streams": [{"id": id_, "name": names.get(id_) or id_} for id_ in sorted(ids)],
        }
        for group_id, ids in streams.items()
    ]
    return {
        "domain": {"name": "mirror"},
        "users": [{"name": "mirror", "password": "never-used"}],
        "projects": [
            {
                "id": project_id,
                "name": project,
                "quotas": {"flow_log": UNLIMITED},
                "routers": [router],
                "log_groups": groups,
            }
        ],
    }
