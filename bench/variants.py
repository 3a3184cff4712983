"""The three variants of the project that are measured side by side, and how each changes Pulumi.yaml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """A host for dynamic providers.

    Attributes:
        name: As in the results.
        adapt: Changes the document of Pulumi.yaml so that the engine takes this host.
        calls_the_api: Whether flow logs are created.
    """

    name: str
    adapt: Callable[[Document], None]
    calls_the_api: bool = True


def _as_it_is(_document: Document) -> None:
    pass


def _without_plugins(document: Document) -> None:
    del document["plugins"]


def _with_the_floor(document: Document) -> None:
    document["plugins"]["providers"][0]["path"] = "bench/floor"


FLOOR = Variant("floor", _with_the_floor, calls_the_api=False)
OURS = Variant("ours", _as_it_is)
BASE = Variant("base", _without_plugins)

VARIANTS = (FLOOR, OURS, BASE)
