"""Who is acting, and where: `pulumi config --json --show-secrets | python -m stacks.commands.whoami STACK [BACKEND]`.

Says nothing that is secret. It signs in, so that what it says is what works.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping

from providers import auth
from providers.config import ConfigError, ConfigReader, ProviderConfig
from providers.connection import EMULATOR_DATABASE
from providers.er import Client, Deadline
from providers.er.exceptions import ApiError
from providers.er.sanitizing import sanitize
from stacks.checks.backend import public
from stacks.commands import command_line

SIGN_IN_SECONDS = 60.0


def facts(
    config: ConfigReader, environment: Mapping[str, str], *, report: Callable[[str], None]
) -> Iterator[tuple[str, str]]:
    """What there is to say, line by line.

    Args:
        config: The stack's config.
        environment: The process's environment variables.
        report: Told what is waited for.

    Raises:
        ConfigError: Something is missing or makes no sense.
        ApiError: Signing in failed.
    """
    settings = ProviderConfig(config, environment, lambda _key: None)
    if settings.uses_emulator:
        yield "API", f"the embedded emulator, its world in {EMULATOR_DATABASE}"
        yield "signs in with", "a token of each run's own"
        return
    endpoints = settings.endpoints()
    for name in ("er", "lts", "iam"):
        yield f"endpoint {name}", getattr(endpoints, name)
    yield "region", settings.region() or "none named: the endpoints say where"
    credentials = settings.credentials(endpoints)
    who = settings.identity()
    yield "signs in with", who.source
    yield "as", _shown(who)
    client = Client(credentials, endpoints).with_deadline(Deadline(SIGN_IN_SECONDS, report=report))
    project_id, project = client.project_id(), settings.project()[1]
    yield "project", f"{sanitize(project_id)}{f' ({project})' if project else ''}"
    # Not before a service has answered is it known that a token, or a key with a project's id, is any good.
    routers = sum(1 for _ in client.routers.list())
    yield "signed in", f"yes: {routers} router{'' if routers == 1 else 's'} there"


def _shown(who: auth.Token | auth.User | auth.AccessKey) -> str:
    if isinstance(who, auth.User):
        return f"user {who.username!r} of domain {who.domain!r}"
    if isinstance(who, auth.AccessKey):
        return f"access key {who.access_key!r}{', a temporary one' if who.security_token else ''}"
    return "whoever got the token"


def main(stack: str, backend: str = "") -> None:
    """Print it all, for the config on standard input; without a backend only what is wrong, if anything is."""
    values = command_line.values(stack).plain
    if backend:
        print(f"{'stack':14} {stack}")
        print(f"{'state':14} {public(json.loads(backend)['url'])}")
    try:
        for what, value in facts(values.get, os.environ, report=command_line.report):
            if backend:
                print(f"{what:14} {value}", flush=True)
    except (ConfigError, ApiError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
