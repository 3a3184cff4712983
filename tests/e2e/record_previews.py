"""Record `tests/unit/previews` again: `python -m tests.e2e.record_previews [NAME...]`, with the real `pulumi` on PATH.

What no test needs, and what differs between machines, is left out.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from providers.preview_notes import EVENTS_VARIABLE
from tests.e2e.harness import CHECKOUT, FLOW_LOG, STACK, TIMEOUT, Cloud, Project, serving

PREVIEWS = CHECKOUT / "tests" / "unit" / "previews"
LEFT_OUT = {"__provider", "created", "dependencies", "duration", "modified", "propertyDependencies", "provider"}
LEFT_OUT |= {"sourcePosition", "stackTrace", "timestamp"}
PATH = re.compile(r"(?<![\w:/.])(?:/[\w.+-]+){2,}/(?=[\w.-])")
"""The folders of an absolute path."""


def preview(project: Project, *options: str, stack: str = STACK, command: str = "preview") -> str:
    """What `pulumi preview --json`, or another command, prints, whether it succeeds or not."""
    done = subprocess.run(
        ["pulumi", *command.split(), "--json", "--stack", stack, "--non-interactive", *options],
        cwd=project.directory,
        env={**project.environment, EVENTS_VARIABLE: "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return done.stdout


def cleaned(text: str) -> str:
    """The preview without what is left out."""
    return "".join(f"{json.dumps(_cleaned(json.loads(line)), ensure_ascii=False)}\n" for line in text.splitlines())


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cleaned(part) for key, part in value.items() if key not in LEFT_OUT}
    if isinstance(value, list):
        return [_cleaned(part) for part in value]
    return PATH.sub("…/", value) if isinstance(value, str) else value


# What is going on in each.

Scene = Callable[[Project, Cloud], None]


def first(_project: Project, _cloud: Cloud) -> None:
    """Nothing is there yet."""


def unchanged(project: Project, _cloud: Cloud) -> None:
    project.up()


def secret(project: Project, _cloud: Cloud) -> None:
    project.up()
    project.expect_ok("config", "set", "--secret", "otc-flow-logs:password", "flow-logs-on-loopback")


def wrong_stack_file(project: Project, _cloud: Cloud) -> None:
    project.up()
    project.change_router("core", log_group="netwrk")


def mixed(project: Project, cloud: Cloud) -> None:
    project.up()
    store = cloud.server.store
    store.remove_attachment("vpc-shop-staging")
    store.add_attachment("er-edge", "vpc-new")
    store.add_attachment("er-core", "vpc-taken")
    cloud.log("vpc-taken", "by-hand-too")
    store.rename_flow_log("core-vpc-data-platform", "by-hand")
    store.disable_flow_log("edge-vpc-edge-proxy")
    store.delete_flow_log("core-vpn-office-bonn")
    overrides = {"vpc-shop": {"name": "the-shop"}, "vpc-payments": {"log_stream": "er-flow-logs-archive"}}
    project.change_router("core", adopt=True, overrides=overrides)


def moved(project: Project, _cloud: Cloud) -> None:
    project.up()
    archive = {"log_stream": "er-flow-logs-archive"}
    overrides = {"vpc-shop": archive, "vpc-payments": {**archive, "enabled": False}}
    project.change_router("core", overrides=overrides)


def merged_keys(project: Project, _cloud: Cloud) -> None:
    both = project.config()["routers"]
    core = both["core"]
    ways_out = ["vgw-direct-connect", "vpn-office-bonn"]
    rest = {"exclude": ways_out}
    routers = {"ways-out": {**core, "attachments": ways_out}, "vpcs": {**core, "attachments": rest}}
    project.change_config(routers={**routers, "edge": both["edge"]})
    project.up()
    project.change_config(routers=both)


def dropped_router(project: Project, _cloud: Cloud) -> None:
    project.up()
    routers = project.config()["routers"]
    project.change_config(routers={"core": routers["core"]}, max_deletes=4)


def reasons(project: Project, cloud: Cloud) -> None:
    """A deletion for each sort of reason."""
    store = cloud.server.store
    store.add_router("er-lab")
    store.add_attachment("er-lab", "vpc-lab")
    before = project.config()["routers"]
    core = {**before["core"], "attachments": {"tags": {"env": "prod"}}}
    archive = {**before["core"], "attachments": ["vpc-shop"], "log_stream": "er-flow-logs-archive"}
    edge, lab = before["edge"], {"router": "er-lab", "log_group": "network"}
    project.change_config(routers={"core": core, "core-archive": archive, "edge": edge, "lab": lab})
    project.up()
    store.remove_attachment("vpc-data-platform")
    store.tag_attachment("vpc-payments", {"env": "retired", "team": "payments"})
    fewer = {**edge, "attachments": {"exclude": ["vpn-office-hamburg"]}}
    project.change_config(routers={"core": core, "edge": fewer}, max_deletes=3)


def gone(project: Project, cloud: Cloud) -> None:
    project.up()
    cloud.server.store.delete_flow_log("core-vpc-shop")
    project.change_router("core", attachments={"exclude": ["vpc-shop"]})


def failed(project: Project, cloud: Cloud) -> None:
    project.up()
    cloud.server.store.set_flow_log_state("core-vpc-shop", "failed")


def outcome_unknown(project: Project, _cloud: Cloud) -> None:
    """A create whose outcome is unknown is in the state."""
    project.up()
    file = project.directory / "state.json"
    project.expect_ok("stack", "export", "--file", str(file))
    state = json.loads(file.read_text())
    (of_shop,) = [
        resource
        for resource in state["deployment"]["resources"]
        if resource["type"] == FLOW_LOG and resource["outputs"]["name"] == "core-vpc-shop"
    ]
    of_shop["id"], of_shop["outputs"]["state"], of_shop["pendingReplacement"] = "created-by:abc", "unknown", True
    file.write_text(json.dumps(state))
    project.expect_ok("stack", "import", "--file", str(file))


def import_(project: Project, cloud: Cloud) -> None:
    description = project.config()["routers"]["core"]["description"]
    cloud.log("vpc-shop", "by-hand")
    cloud.log("vpc-payments", "core-vpc-payments", description=description)
    cloud.complete_operations()
    cloud.server.store.set_quota(10)
    project.change_router("core", adopt=True)


def _declare_log_groups(project: Project, cloud: Cloud) -> dict[str, Any]:
    """In a cloud without log groups, the stack file declares one; its `log_groups`."""
    cloud.remove_log_groups()
    log_groups = {"network": {"ttl_in_days": 14, "streams": {"er-flow-logs": {}, "er-flow-logs-archive": {}}}}
    project.change_config(log_groups=log_groups)
    return log_groups


def new_log_groups(project: Project, cloud: Cloud) -> None:
    _declare_log_groups(project, cloud)


def log_groups(project: Project, cloud: Cloud) -> None:
    """Log groups and streams are changed, left, deleted, imported and created, and flow logs move to a new one."""
    network = _declare_log_groups(project, cloud)["network"]
    streams = network["streams"]
    more = {"left": {}, "deleted": {"delete": True}, "removed-by-hand": {"ttl_in_days": 3}}
    project.change_config(log_groups={"network": {**network, "streams": {**streams, **more}}})
    project.up()
    store = cloud.server.store
    store.set_ttl("network", 7)
    store.remove_log_stream("network", "removed-by-hand")
    store.add_log_group("security")
    streams = {**streams, "removed-by-hand": more["removed-by-hand"], "core": {"ttl_in_days": 90}}
    network = {**network, "tags": {"team": "network"}, "delete": True, "streams": streams}
    project.change_config(log_groups={"network": network, "security": {"adopt": True, "ttl_in_days": 60}})
    project.change_router("core", overrides={"vpc-shop": {"log_stream": "core"}})


REFRESH = ("--refresh",)
SCENES: dict[str, tuple[Scene, tuple[str, ...]]] = {
    "first": (first, REFRESH),
    "unchanged": (unchanged, ()),
    "mixed": (mixed, REFRESH),
    "moved": (moved, ()),
    "merged_keys": (merged_keys, ()),
    "dropped_router": (dropped_router, ()),
    "reasons": (reasons, ()),
    "gone": (gone, REFRESH),
    "failed": (failed, REFRESH),
    "import": (import_, ()),
    "outcome_unknown": (outcome_unknown, ()),
    "secret": (secret, ()),
    "new_log_groups": (new_log_groups, ()),
    "log_groups": (log_groups, REFRESH),
    "wrong_stack_file": (wrong_stack_file, ()),
}


def record(name: str, folder: Path) -> None:
    """Play the scene in a new project, and record its preview."""
    scene, options = SCENES[name]
    project = Project.create(folder)
    with serving(project.database, latency=0) as cloud:
        scene(project, cloud)
        cloud.complete_operations()
        text = cleaned(preview(project, *options))
        assert str(folder) not in text
        (PREVIEWS / f"{name}.jsonl").write_text(text, encoding="utf-8")


def main() -> None:
    """Record those of these names, or all."""
    for name in sys.argv[1:] or SCENES:
        with tempfile.TemporaryDirectory() as folder:
            record(name, Path(folder))
        print(name)


if __name__ == "__main__":
    main()
