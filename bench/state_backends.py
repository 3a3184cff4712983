"""State backends beside the file in the checkout, each a server on this machine that ends with the block."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.processes import Children
from bench.project import CHECKOUT
from providers.stderr import say
from tests.e2e.backends import postgresql_server
from tests.pulumi_service.server import Service


@contextlib.contextmanager
def service(children: Children) -> Iterator[Mapping[str, str]]:
    """The variables for the service that the tests use; its state is in SQLite, and on the disk at each answer."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        command = [sys.executable, "-m", "tests.pulumi_service", str(Path(name, "service.db"))]
        with children.running(command, cwd=CHECKOUT, environment=os.environ, output=subprocess.PIPE) as process:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            if not url.startswith("http"):
                raise BenchError(f"the service did not start: {url}")
            yield Service(url).environment(Path(name))


@contextlib.contextmanager
def postgresql() -> Iterator[Mapping[str, str] | None]:
    """The variables for a PostgreSQL server, which does not wait for the disk; None if none can be started."""
    with contextlib.ExitStack() as stack:
        try:
            backend = stack.enter_context(postgresql_server()).create_table()
        except pytest.skip.Exception as reason:
            say(f"PostgreSQL is not measured: {reason}")
            yield None
            return
        yield {"PULUMI_BACKEND_URL": backend.url, **backend.environment}
