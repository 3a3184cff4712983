"""Who knows whom: the rooms of the house, by what their modules import."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def modules(room: str) -> list[Path]:
    found = sorted((ROOT / room).rglob("*.py"))
    assert found, f"there is nothing in {room}"
    return found


def imports(path: Path) -> Iterator[str]:
    """Every module that is imported anywhere in the file, also inside functions and for type checking."""
    package = ".".join(path.relative_to(ROOT).with_suffix("").parts[:-1]).split(".")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imported_from(room: str, *wanted: str) -> list[str]:
    """Lines `file imports module` for each import out of `wanted` packages."""
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(room)
        for name in imports(path)
        if any(name == one or name.startswith(f"{one}.") for one in wanted)
    ]


def test_the_client_knows_neither_pulumi_nor_the_provider() -> None:
    assert imported_from("providers/er", "pulumi", "pulumi_random", "stacks", "emulator", "tools") == []
    outside = [line for line in imported_from("providers/er", "providers") if " imports providers.er" not in line]
    assert outside == []


def test_importing_the_client_imports_nothing_on_the_way() -> None:
    assert list(imports(ROOT / "providers" / "__init__.py")) == []


def test_the_client_needs_nothing_but_requests_what_it_stands_on_and_what_signs_in() -> None:
    foreign = {
        name.split(".")[0] for path in modules("providers/er") for name in imports(path)
    } - sys.stdlib_module_names
    assert foreign == {"providers", "requests", "urllib3", "keystoneauth1", "huaweicloudsdkcore"}


def test_the_emulator_shares_no_code_with_the_client() -> None:
    assert imported_from("emulator", "providers", "stacks", "pulumi", "tools", "requests") == []


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("providers/er/auth/password.py", "keystoneauth1"),
        ("providers/er/auth/access_key.py", "huaweicloudsdkcore"),
        ("providers/clouds_yaml.py", "openstack"),
        ("providers/connection.py", "emulator"),
    ],
)
def test_what_only_some_need_is_imported_only_when_it_is_needed(path: str, package: str) -> None:
    assert [name for name in imports(ROOT / path) if name.split(".")[0] == package]
    at_the_top = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    names = [alias.name for node in at_the_top if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in at_the_top if isinstance(node, ast.ImportFrom)]
    assert [name for name in names if name.split(".")[0] == package] == []


def test_nothing_below_calls_up() -> None:
    assert imported_from("providers", "stacks", "tools", "tests") == []
    assert imported_from("stacks", "tools", "tests", "emulator") == []


def test_the_stacks_know_neither_http_nor_the_engines_protocol() -> None:
    assert imported_from("stacks", "requests", "urllib", "grpc", "google", "providers.host") == []


def test_planning_knows_neither_pulumi_nor_what_is_refused() -> None:
    assert imported_from("stacks/planning", "pulumi", "pulumi_random", "stacks.checks", "stacks.decision") == []


def test_a_check_knows_neither_pulumi_nor_anything_that_fetches() -> None:
    assert (
        imported_from("stacks/checks", "pulumi", "pulumi_random", "stacks.planning.inventory", "stacks.decision") == []
    )
    assert imported_from("stacks/checks", "providers.er.Client", "providers.er.client", "providers.connection") == []


def test_only_one_look_at_the_world_fetches_what_is_planned_with() -> None:
    fetching = imported_from("stacks/planning", "providers.er.Client", "providers.er.client", "providers.connection")
    assert {line.split()[0] for line in fetching} == {"stacks/planning/inventory.py"}


def test_the_decision_knows_no_pulumi() -> None:
    decision = ROOT / "stacks" / "decision.py"
    assert [name for name in imports(decision) if name.split(".")[0] in ("pulumi", "pulumi_random")] == []


def test_only_the_snapshot_of_the_state_needs_pulumi() -> None:
    rooms = ("stacks/planning", "stacks/checks", "stacks/state")
    for room in rooms:
        assert imported_from(room, "providers.flow_log_provider", "providers.flow_log") == []
    assert {line.split()[0] for line in imported_from("stacks/state", "pulumi")} == {"stacks/state/snapshot.py"}


def test_only_the_connection_starts_the_emulator() -> None:
    assert {line.split()[0] for line in imported_from("providers", "emulator")} == {"providers/connection.py"}


def test_only_the_host_speaks_the_engines_protocol() -> None:
    speakers = {line.split()[0] for line in imported_from("providers", "grpc", "google", "pulumi.runtime.proto")}
    assert speakers
    assert all(speaker.startswith("providers/host/") for speaker in speakers)


def test_there_is_no_relative_import_and_no_unknown_room() -> None:
    for room in ("providers", "stacks", "emulator"):
        for path in modules(room):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level], path
