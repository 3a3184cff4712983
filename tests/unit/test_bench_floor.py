"""The floor of the benchmark returns at once, with answers of the same form as the real provider's."""

from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from pulumi.runtime import proto

from bench.floor.handler import FloorHandler
from bench.project import CHECKOUT
from bench.variants import VARIANTS
from providers.host.resource import OPERATIONS
from providers.inputs import IDEMPOTENCY_KEY
from providers.schema import OUTPUTS_ONLY, SCHEMA
from tests.sdk import struct

VALUES: dict[str, Any] = {key: "given" for key in SCHEMA.names if key not in ("resource_type", "log_store_type")}


def test_floor_has_every_operation() -> None:
    assert set(OPERATIONS) <= vars(FloorHandler).keys()


def test_created_flow_log_has_all_properties_and_a_unique_id() -> None:
    request = SimpleNamespace(properties=struct(VALUES))
    first, second = (FloorHandler().Create(request) for _ in range(2))
    assert set(first.properties) == {*SCHEMA.names, *OUTPUTS_ONLY}
    assert first.properties[IDEMPOTENCY_KEY] == "given"
    assert first.id != second.id


@pytest.mark.parametrize(
    ("name", "changes"), [("given", proto.DiffResponse.DIFF_NONE), ("other", proto.DiffResponse.DIFF_SOME)]
)
def test_diff_compares_inputs(name: str, changes: int) -> None:
    request = SimpleNamespace(old_inputs=struct(VALUES), news=struct(VALUES, name=name))
    assert FloorHandler().Diff(request).changes == changes


def test_read_returns_its_request() -> None:
    request = SimpleNamespace(id="f-1", properties=struct(VALUES, state="available"), inputs=struct(VALUES))
    read = FloorHandler().Read(request)
    assert (read.id, read.properties, read.inputs) == (request.id, request.properties, request.inputs)


def test_variants_differ_only_in_the_host() -> None:
    text = (CHECKOUT / "Pulumi.yaml").read_text()
    original = yaml.safe_load(text)
    documents = {variant.name: yaml.safe_load(text) for variant in VARIANTS}
    for variant in VARIANTS:
        variant.adapt(documents[variant.name])
    assert documents["ours"] == original
    assert documents["base"] == {key: value for key, value in original.items() if key != "plugins"}
    assert documents["floor"]["plugins"]["providers"] == [{"name": "pulumi-python", "path": "bench/floor"}]


def test_launcher_of_the_floor_differs_only_in_the_module() -> None:
    folders = (CHECKOUT / "bench" / "floor", CHECKOUT / "providers" / "host")
    launcher, original = (folder / "pulumi-resource-pulumi-python" for folder in folders)
    command = original.read_text().splitlines()[-1]
    assert launcher.read_text().splitlines()[-1] == command.replace("-m providers.host", "-m bench.floor")
    assert launcher.stat().st_mode & 0o111
