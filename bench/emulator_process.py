"""The emulator in a process of its own, filled with a number of routers and attachments."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from bench.errors import BenchError
from bench.processes import Children

ROUTER, LOG_GROUP, LOG_STREAM = "er-bench", "network", "er-flow-logs"
LOG_GROUP_ID, LOG_STREAM_ID = (f"00000000-0000-4000-{part}000-000000000001" for part in "de")
DOMAIN, USER, PASSWORD, PROJECT = "OTC-BENCH", "bench", "only-on-loopback", "eu-de"
PROJECT_ID = "0605767a9980d5762fbcc00b3537e757"
TYPES = ("vpc", "vpn", "vgw")  # those that can be logged

READY_SECONDS = 60.0
READY_POLL = 0.05
TIMEOUT = 60.0  # seconds for one request
UNLIMITED = -1
PAGE = 2000  # API reference: the largest page


def seed(attachments: int, routers: int = 1) -> dict[str, Any]:
    """Routers with loggable attachments, a log group with a stream, no quota; see emulator/seed.py."""
    project = {
        "id": PROJECT_ID,
        "name": PROJECT,
        "quotas": {"flow_log": UNLIMITED},
        "routers": [_router(number, attachments) for number in range(routers)],
        "log_groups": [{"id": LOG_GROUP_ID, "name": LOG_GROUP, "streams": [{"id": LOG_STREAM_ID, "name": LOG_STREAM}]}],
    }
    return {"domain": {"name": DOMAIN}, "users": [{"name": USER, "password": PASSWORD}], "projects": [project]}


def _router(number: int, attachments: int) -> dict[str, Any]:
    first = number * attachments
    return {
        "id": router_id(number),
        "name": _numbered(ROUTER, number),
        "attachments": [
            {
                "id": attachment_id(number),
                "name": f"{TYPES[number % len(TYPES)]}-{number:04}",
                "resource_type": TYPES[number % len(TYPES)],
                "resource_id": f"00000000-0000-4000-c000-{number:012}",
            }
            for number in range(first, first + attachments)
        ],
    }


def router_id(number: int) -> str:
    """The id of the router with this number, from 0 on."""
    return f"00000000-0000-4000-8000-{number + 1:012}"


def attachment_id(number: int) -> str:
    """The id of the attachment with this number, from 0 on, among those of all routers."""
    return f"00000000-0000-4000-a000-{number:012}"


def _numbered(name: str, number: int) -> str:
    return f"{name}-{number}" if number else name


@dataclass(frozen=True)
class EmulatorProcess:
    """A running emulator with a number of routers."""

    url: str
    routers: int = 1

    def stack_config(self, numbers: range) -> dict[str, Any]:
        """The keys of a stack file, without namespace, that log all of the routers with these numbers."""
        target = {"log_group": LOG_GROUP, "log_stream": LOG_STREAM, "attachments": "all"}
        routers = {_numbered("core", number): {"router": _numbered(ROUTER, number), **target} for number in numbers}
        return {"endpoint": self.url, "routers": routers}

    @property
    def credentials(self) -> dict[str, str]:
        """Environment variables for sign-in with a password."""
        return {
            "OS_USERNAME": USER,
            "OS_USER_DOMAIN_NAME": DOMAIN,
            "OS_PASSWORD": PASSWORD,
            "OS_PROJECT_NAME": PROJECT,
        }

    def reset_requests(self) -> None:
        """Count requests from zero."""
        requests.delete(f"{self.url}/_emulator/requests", timeout=TIMEOUT).raise_for_status()

    def requests(self) -> int:
        """How many requests there were since."""
        answer = requests.get(f"{self.url}/_emulator/requests", timeout=TIMEOUT)
        answer.raise_for_status()
        return sum(answer.json()["requests"].values())

    def flow_logs(self) -> int:
        """How many flow logs are available."""
        headers = {"X-Auth-Token": self._token()}
        return sum(self._flow_logs(router_id(number), headers) for number in range(self.routers))

    def _flow_logs(self, er_id: str, headers: dict[str, str]) -> int:
        url = f"{self.url}/v3/{PROJECT_ID}/enterprise-router/{er_id}/flow-logs"
        count, query = 0, {"limit": str(PAGE)}
        while True:
            answer = requests.get(url, headers=headers, params=query, timeout=TIMEOUT)
            answer.raise_for_status()
            page = answer.json()
            count += [flow_log["state"] for flow_log in page["flow_logs"]].count("available")
            marker = page["page_info"].get("next_marker")
            if not marker:
                return count
            query["marker"] = marker

    def _token(self) -> str:
        user = {"name": USER, "password": PASSWORD, "domain": {"name": DOMAIN}}
        auth = {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": PROJECT_ID}},
        }
        answer = requests.post(f"{self.url}/v3/auth/tokens", json={"auth": auth}, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.headers["X-Subject-Token"]


@contextlib.contextmanager
def run_emulator(
    children: Children, checkout: Path, directory: Path, *, attachments: int, latency: float, routers: int = 1
) -> Iterator[EmulatorProcess]:
    """A new emulator that keeps its files in `directory`.

    Args:
        attachments: Of each router.
        latency: In seconds.
    """
    seed_file, output = directory / "seed.yaml", directory / "emulator.txt"
    seed_file.write_text(json.dumps(seed(attachments, routers)))  # JSON is YAML
    command = [sys.executable, "-m", "emulator", "--latency", f"{latency:g}", "--seed", str(seed_file)]
    command += ["--db", str(directory / "emulator.db")]
    with (
        output.open("wb") as file,
        children.running(command, cwd=checkout, environment=os.environ, output=file) as process,
    ):
        deadline = time.monotonic() + READY_SECONDS
        while not (text := output.read_text()).endswith("\n"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"the emulator did not start:\n{text}")
            time.sleep(READY_POLL)
        if not text.startswith("emulator: "):
            raise BenchError(f"the emulator did not start:\n{text}")
        yield EmulatorProcess(text.split()[1], routers)
