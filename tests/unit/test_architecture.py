"""Who may import whom."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ("providers", "stacks", "emulator", "tools", "bench")

ALLOWED: dict[str, tuple[str, ...]] = {
    "providers.er": ("providers.er.auth",),
    "providers.er.auth": ("providers.er",),
    "providers.backend": (),
    "providers": ("providers.er", "providers.er.auth", "providers.connection", "providers.backend"),
    "providers.connection": ("providers", "providers.er", "providers.er.auth", "emulator"),
    "providers.host": ("providers", "providers.er", "providers.connection"),
    "stacks.errors": ("providers",),
    "stacks.stackfile": ("providers", "providers.er", "stacks.errors"),
    "stacks.planning": (
        *("providers", "providers.er", "stacks.errors", "stacks.stackfile", "stacks.state", "stacks.planning.naming"),
    ),
    "stacks.planning.naming": ("providers.er",),
    "stacks.state": ("providers", "providers.er", "stacks.planning.naming", "stacks.stackfile"),
    "stacks.checks": (
        *("providers.backend", "providers.er", "stacks.errors", "stacks.planning", "stacks.stackfile", "stacks.state"),
    ),
    "stacks.state.outputs": ("providers.er", "stacks.checks", "stacks.planning", "stacks.state"),
    "stacks": (
        *("providers", "providers.er", "stacks.errors", "stacks.stackfile", "stacks.planning", "stacks.checks"),
        *("stacks.state", "stacks.state.outputs", "stacks.planning.naming", "providers.connection"),
    ),
    "stacks.review": ("stacks.commands",),
    "stacks.coverage": ("stacks.commands",),
    "stacks.delivery": ("stacks.commands",),
    "stacks.records": ("stacks.commands",),
    "stacks.pending": ("stacks.commands",),
    "stacks.commands": (
        *("providers", "providers.er", "stacks.errors", "stacks.stackfile", "stacks.planning", "stacks.checks"),
        *("stacks.state", "stacks.planning.naming", "providers.connection", "providers.backend"),
    ),
    "emulator": ("emulator.faults",),
    "emulator.faults": ("emulator",),
    "tools": ("providers", "providers.backend", "stacks.checks", "stacks.stackfile", "stacks.state", "tools.offline"),
    "tools.offline": ("providers", "tools"),
    "bench": (
        *("providers", "providers.backend", "providers.host", "stacks", "stacks.checks", "stacks.state"),
        *("emulator", "tools", "tools.offline"),
    ),
}
"""The packages whose modules a package's modules may import, besides their own. A longer name takes precedence."""

EXTERNAL: dict[str, tuple[str, ...]] = {
    "providers.er": ("requests", "urllib3", "keystoneauth1", "huaweicloudsdkcore"),
    "providers.er.auth": ("requests", "keystoneauth1", "huaweicloudsdkcore"),
    "providers": ("pulumi", "openstack", "yaml"),
    "providers.host": ("pulumi", "grpc", "google"),
    "stacks.errors": (),
    "stacks.planning": (),
    "stacks.checks": (),
    "stacks.state": (),
    "stacks.state.snapshot": ("pulumi",),
    "stacks.stackfile": ("pydantic", "pydantic_core", "yaml"),
    "stacks.decision": (),
    "stacks": ("pulumi", "pulumi_random"),
    "stacks.commands": ("jinja2", "yaml"),
}
"""The packages of others that a package's modules may import."""

STANDARD_LIBRARY_ONLY = (
    *("providers.urn", "providers.config_keys", "providers.backend", "providers.journal", "providers.watchdog"),
    *("stacks.checks.backend", "stacks.checks.passphrase", "stacks.checks.top_level", "stacks.stackfile.location"),
)
"""Modules that tools import before anything is installed."""

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PROJECT
    for path in sorted((ROOT / package).rglob("*.py"))
}


def find_imports(module: str, *, top_level: bool = False) -> Iterator[str]:
    """What the module imports anywhere, also inside functions and for type checking; or only at its top level."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # Modules that are copied to the cache folder import one another relatively.
            package = MODULES[module].relative_to(ROOT).parts[:-1]
            base = (
                [*package[: len(package) - node.level + 1], *filter(None, [node.module])]
                if node.level
                else [node.module]
            )
            yield from (".".join(filter(None, [*base, alias.name])) for alias in node.names)


def find_project_imports(module: str) -> set[str]:
    """The modules of this project that the module imports."""
    imported = set()
    for name in find_imports(module):
        while "." in name and name not in MODULES:
            name = name.rpartition(".")[0]
        imported |= {name} & MODULES.keys()
    return imported


def find_package(module: str, packages: dict[str, tuple[str, ...]]) -> str:
    """The entry of the table for the module."""
    entries = [package for package in packages if module == package or module.startswith(f"{package}.")]
    return max(entries, key=len, default="")


GRAPH = {module: find_project_imports(module) for module in MODULES}


@pytest.mark.parametrize("package", list(ALLOWED))
def test_package_imports_only_what_the_table_allows(package: str) -> None:
    modules = [module for module in GRAPH if find_package(module, ALLOWED) == package]
    assert modules, f"{package} has no modules"
    forbidden = [
        f"{module} imports {imported}"
        for module in modules
        for imported in sorted(GRAPH[module])
        if find_package(imported, ALLOWED) not in (package, *ALLOWED[package])
    ]
    assert forbidden == []


def test_every_module_is_in_the_table() -> None:
    assert [module for module in MODULES if not find_package(module, ALLOWED)] == []


@pytest.mark.parametrize("package", list(EXTERNAL))
def test_package_needs_only_the_dependencies_in_the_table(package: str) -> None:
    known = {*sys.stdlib_module_names, *PROJECT}
    foreign = [
        f"{module} imports {name}"
        for module in MODULES
        if find_package(module, EXTERNAL) == package
        for name in find_imports(module)
        if name.partition(".")[0] not in (*known, *EXTERNAL[package])
    ]
    assert foreign == []


def test_modules_have_no_import_cycles() -> None:
    rest = dict(GRAPH)
    while leaves := [module for module, imported in rest.items() if not (imported - {module}) & rest.keys()]:
        for module in leaves:
            del rest[module]
    assert sorted(rest) == []


@pytest.mark.parametrize("module", STANDARD_LIBRARY_ONLY)
def test_module_needs_only_the_standard_library(module: str) -> None:
    pending, seen = [module], {module}
    while pending:
        current = pending.pop()
        for name in find_imports(current):
            assert name.partition(".")[0] in {*sys.stdlib_module_names, *PROJECT}, f"{current} imports {name}"
        pending += GRAPH[current] - seen
        seen |= GRAPH[current]


def test_only_the_inventory_fetches_what_is_planned_and_checked() -> None:
    fetching = {"providers.er", "providers.er.client", "providers.connection"}
    rooms = ("stacks.planning", "stacks.checks", "stacks.state", "stacks.stackfile")
    fetchers = {module for module in MODULES if module.startswith(rooms) and GRAPH[module] & fetching}
    assert fetchers == {"stacks.planning.inventory"}
    assert not [module for module in MODULES if module.startswith("stacks.checks") and fetchers & GRAPH[module]]


def test_process_ends_with_a_sentence_only_by_say_and_exit() -> None:
    """What `sys.exit` prints breaks inside words at a terminal. The host has none."""
    calls = [
        (module, node)
        for module, path in MODULES.items()
        if not module.startswith("providers.host.")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sys.exit", "SystemExit")
    ]
    assert calls
    assert not [
        f"{module}: {ast.unparse(call)}" for module, call in calls if re.search("\\(f?['\"]", ast.unparse(call))
    ]


def test_importing_the_client_imports_nothing_else() -> None:
    assert list(find_imports("providers")) == []


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("providers.er.auth.plugins", "keystoneauth1"),
        ("providers.er.auth.access_key", "huaweicloudsdkcore"),
        ("providers.clouds_yaml", "openstack"),
        ("providers.connection", "emulator"),
    ],
)
def test_optional_dependency_is_imported_only_when_needed(module: str, package: str) -> None:
    assert package in {name.partition(".")[0] for name in find_imports(module)}
    assert package not in {name.partition(".")[0] for name in find_imports(module, top_level=True)}
