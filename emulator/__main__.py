"""`python -m emulator`: the Enterprise Router API on a loopback port, until it is interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from emulator.behaviour import ATTACHMENT_DELETED, CLIENT_TOKENS, MISSING_FLOW_LOG, Behaviour
from emulator.documents import load_yaml
from emulator.errors import EmulatorError
from emulator.faults import plan
from emulator.server import DEFAULT_THREADS, HOST, Server

LATENCY = 2.0  # seconds: long enough to watch


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with ExitStack() as stack:
            db = options.db
            if db is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="emulator-"))
                db = Path(folder) / "emulator.db"
            server = Server(
                db,
                seed=options.seed,
                behaviour=_behaviour(options),
                host=options.host,
                port=options.port,
                threads=DEFAULT_THREADS,
            )
            stack.enter_context(server)
            if options.faults:
                document = load_yaml(options.faults, "fault plan")
                server.faults.use(*plan.parse(document, f"The fault plan {options.faults}"))
            print(f"emulator: {server.url} (db {db}, latency {options.latency:g} s)", flush=True)
            for line in _notes(server, options):
                print(line, flush=True)
            stop.wait()
    except EmulatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    default = Behaviour()
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    parser.add_argument("--host", default=HOST, help="loopback address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument(
        "--db", type=Path, help="SQLite file for the emulator's state (default: a temporary file, deleted at the end)"
    )
    parser.add_argument(
        "--seed",
        type=Path,
        help="YAML file that fills an empty database (default: the demo; its users, their passwords and their access "
        "keys are in emulator/demo.yaml)",
    )
    parser.add_argument(
        "--latency",
        type=float,
        default=LATENCY,
        help="seconds until an accepted create, enable, disable or delete is done (default: %(default)s)",
    )
    parser.add_argument(
        "--faults", type=Path, help="YAML file that says which calls fail, and how; see emulator/faults/plan.py"
    )
    group = parser.add_argument_group("what the API reference leaves open")
    group.add_argument(
        "--missing-flow-log",
        type=int,
        choices=MISSING_FLOW_LOG,
        default=default.missing_flow_log,
        help="HTTP status for a flow log that does not exist (default: %(default)s)",
    )
    group.add_argument(
        "--attachment-deleted",
        choices=ATTACHMENT_DELETED,
        default=default.attachment_deleted,
        help="what happens to the flow logs of a deleted attachment; `emulator.world`, which deletes attachments, has "
        "the same option (default: %(default)s)",
    )
    group.add_argument(
        "--client-tokens",
        choices=CLIENT_TOKENS,
        default=default.client_tokens,
        help="whether X-Client-Token makes a create idempotent (default: %(default)s)",
    )
    group.add_argument(
        "--list-lag",
        type=float,
        default=default.list_lag,
        help="seconds by which lists of flow logs lag behind (default: %(default)s)",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="refuse what no client should send although the reference does not say that it is refused: unknown query "
        "parameters and body fields, for example",
    )
    return parser


def _behaviour(options: argparse.Namespace) -> Behaviour:
    return Behaviour(
        missing_flow_log=options.missing_flow_log,
        attachment_deleted=options.attachment_deleted,
        client_tokens=options.client_tokens,
        list_lag=options.list_lag,
        latency=options.latency,
        strict=options.strict,
    )


def _notes(server: Server, options: argparse.Namespace) -> list[str]:
    identity = server.store.identity
    user, project = identity.users()[0], identity.projects()[0]
    notes = [
        f"sign in at {server.url}/v3: user {user.name} of domain {user.domain.name}, project {project.name} "
        f"({project.id}), password in {server.store.seed_source}"
    ]
    if options.db is None:
        notes.append("the database is a temporary file: use --db FILE to keep your changes")
    elif options.seed is not None and not server.store.seeded:
        notes.append(f"the database is not empty: the seed file {options.seed} was not used")
    return notes


if __name__ == "__main__":
    sys.exit(main())
