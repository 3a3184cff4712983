"""The three variants of the project that are measured side by side, and how each changes Pulumi.yaml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.prepare import PARALLEL

Document = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """A host for dynamic providers.

    Attributes:
        name: As in the results.
        module: The Python module that its process runs, by which it is found among others.
        adapt: Changes the document of Pulumi.yaml so that the engine takes this host.
        width: Operations at a time, at the default of PULUMI_PARALLEL.
        calls_the_api: Whether flow logs are created.
    """

    name: str
    module: str
    adapt: Callable[[Document], None]
    width: int
    calls_the_api: bool = True


def _as_it_is(_document: Document) -> None:
    pass


def _without_plugins(document: Document) -> None:
    del document["plugins"]


def _with_the_floor(document: Document) -> None:
    document["plugins"]["providers"][0]["path"] = "bench/floor"


FLOOR = Variant("floor", "bench.floor", _with_the_floor, width=PARALLEL, calls_the_api=False)
THIS_PROJECT = Variant("ours", "providers.host", _as_it_is, width=PARALLEL)
BASE = Variant("base", "pulumi.dynamic", _without_plugins, width=4)  # SDK: pulumi/dynamic/__main__.py

VARIANTS = {variant.name: variant for variant in (FLOOR, THIS_PROJECT, BASE)}
