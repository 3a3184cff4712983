"""Who acts, and where: `python -m stacks.commands.whoami STACK`.

Prints no secret. It signs in, to show that the credentials work.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
from collections.abc import Callable, Iterator, Mapping

from providers.config import ConfigReader, ProviderConfig
from providers.connection import EMULATOR_DATABASE
from providers.er import Client, Deadline
from providers.er.sanitizing import sanitize
from stacks.checks.backend import mask_secrets
from stacks.commands import command_line

SIGN_IN_SECONDS = 60.0


def collect_facts(
    config: ConfigReader, environment: Mapping[str, str], *, report: Callable[[str], None]
) -> Iterator[tuple[str, str]]:
    """The lines to print: a label and a value each.

    Args:
        config: The stack's config.
        environment: The process's environment variables.
        report: Called with what a request waits for.

    Raises:
        ConfigError: A setting is missing or not valid.
        ApiError: Signing in failed.
    """
    settings = ProviderConfig(config, environment)
    if settings.uses_emulator:
        yield "API", f"the embedded emulator, with its database in {EMULATOR_DATABASE}"
        yield "signs in with", "a new token in each run"
        return
    endpoints = settings.endpoints()
    for name in ("er", "lts", "iam"):
        yield f"endpoint {name}", getattr(endpoints, name)
    region, origin = settings.region()
    yield "region", f"{region} (from {origin})" if region else "not set: the endpoints decide"
    client = _client(settings, report)
    yield "signs in with", settings.account.source
    yield "as", settings.account.description
    project_id, project = client.project_id(), settings.project().name
    yield "project", f"{sanitize(project_id)}{f' ({project})' if project else ''}"
    routers = _prove(client)
    yield "signed in", f"yes: {routers} router{'' if routers == 1 else 's'}"


def _client(settings: ProviderConfig, report: Callable[[str], None]) -> Client:
    return settings.client().with_deadline(Deadline(SIGN_IN_SECONDS, report=report))


def _prove(client: Client) -> int:
    """How many routers there are: only an answer of a service shows that a token, or an access key, is valid."""
    return sum(1 for _ in client.routers.list())


def sign_in(stack: str, known: Mapping[str, str] | None) -> Mapping[str, str]:
    """Sign in with the stack's config, continuing with what is known; what can be handed on to other processes.

    Ends the process with a sentence if that fails.
    """
    name, values = command_line.fetch_values(stack)
    with command_line.errors_as_sentences(name):
        settings = ProviderConfig(values.plain.get, os.environ, sign_ins=known)
        if settings.uses_emulator:
            return {}
        client = _client(settings, command_line.report_wait)
        client.project_id()
        if not client.credentials.state():
            _prove(client)
    return client.credentials.state()


def main() -> None:
    """Print all facts, or an error after those that are known."""
    parser = argparse.ArgumentParser(prog="python -m stacks.commands.whoami", description=__doc__)
    parser.add_argument("stack", metavar="STACK")
    options = parser.parse_args()
    name, values = command_line.fetch_values(options.stack)
    with command_line.errors_as_sentences(name):
        print(f"{'version':14} {importlib.metadata.version('otc-flow-logs')}")
        print(f"{'stack':14} {options.stack}")
        print(f"{'state':14} {mask_secrets(command_line.fetch_backend())}")
        for what, value in collect_facts(values.plain.get, os.environ, report=command_line.report_wait):
            print(f"{what:14} {value}", flush=True)


if __name__ == "__main__":
    main()
