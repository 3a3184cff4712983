"""The floor answers at once, and in the shape that the real provider answers in."""

from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import proto

from bench.floor.handler import FloorHandler
from bench.project import CHECKOUT
from bench.variants import FLOOR, OURS, STOCK
from providers.host.flow_log import OPERATIONS
from providers.schema import IDEMPOTENCY_KEY, INPUTS, OUTPUTS_ONLY

SAID: dict[str, Any] = {key: "said" for key in INPUTS if key not in ("resource_type", "log_store_type")}


def struct(**values: Any) -> Struct:
    message = Struct()
    message.update(values)
    return message


def test_every_operation_is_the_floors_own() -> None:
    assert set(OPERATIONS) <= vars(FloorHandler).keys()


def test_a_created_flow_log_has_the_properties_of_a_real_one_and_an_id_of_its_own() -> None:
    request = SimpleNamespace(properties=struct(**SAID))
    one, other = (FloorHandler().Create(request) for _ in range(2))
    assert set(one.properties) == {*INPUTS, *OUTPUTS_ONLY}
    assert one.properties[IDEMPOTENCY_KEY] == "said"
    assert one.id != other.id


@pytest.mark.parametrize(
    ("name", "changes"), [("said", proto.DiffResponse.DIFF_NONE), ("else", proto.DiffResponse.DIFF_SOME)]
)
def test_there_is_a_change_when_the_inputs_differ(name: str, changes: int) -> None:
    request = SimpleNamespace(old_inputs=struct(**SAID), news=struct(**{**SAID, "name": name}))
    assert FloorHandler().Diff(request).changes == changes


def test_a_read_answers_what_it_was_asked_with() -> None:
    request = SimpleNamespace(id="f-1", properties=struct(**SAID, state="available"), inputs=struct(**SAID))
    read = FloorHandler().Read(request)
    assert (read.id, read.properties, read.inputs) == (request.id, request.properties, request.inputs)


def test_the_variants_differ_in_the_host_of_pulumi_yaml_only() -> None:
    text = (CHECKOUT / "Pulumi.yaml").read_text()
    original = yaml.safe_load(text)
    documents = {variant.name: yaml.safe_load(text) for variant in (FLOOR, OURS, STOCK)}
    for variant in (FLOOR, OURS, STOCK):
        variant.adapt(documents[variant.name])
    assert documents["ours"] == original
    assert documents["base"] == {key: value for key, value in original.items() if key != "plugins"}
    assert documents["floor"]["plugins"]["providers"] == [{"name": "pulumi-python", "path": "bench/floor"}]


def test_the_floors_launcher_is_that_of_the_project_but_for_the_module() -> None:
    launcher, original = (
        CHECKOUT / folder / "pulumi-resource-pulumi-python" for folder in ("bench/floor", "providers/host")
    )
    ours, theirs = (path.read_text().splitlines()[-1] for path in (original, launcher))
    assert theirs == ours.replace("-m providers.host", "-m bench.floor")
    assert launcher.stat().st_mode & 0o111
