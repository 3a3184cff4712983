"""Two runs of one stack at the same time, and two stacks that want the same flow log."""

from __future__ import annotations

import re
from pathlib import Path

from tests.e2e.harness import (
    DEMO_FLOW_LOGS,
    FOREVER,
    QUICK,
    STACK_FILE,
    TIMEOUT,
    Cloud,
    Project,
    as_in_a_new_shell,
    assert_same_flow_logs,
    run_shell,
    serving,
    wait_until,
)


def test_second_run_is_refused_and_the_first_is_not_disturbed(project: Project, stuck_cloud: Cloud) -> None:
    first = project.start_creating(stuck_cloud)
    assert len(list(project.creating.iterdir())) == DEMO_FLOW_LOGS

    error = project.expect_error("up", *QUICK)
    assert "the stack is currently locked by 1 lock(s)" in error
    assert re.search(r"created by \S+ \(pid \d+\)", error)
    # A preview does not take the creates of a live run for interrupted ones, which it would refuse to leave out.
    project.change_router("core", attachments=["vpc-shop"])
    project.expect_ok("preview", "--suppress-progress")

    assert first.poll() is None
    stuck_cloud.complete_operations()
    output, _ = first.communicate(timeout=TIMEOUT)
    assert first.returncode == 0, output
    assert len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS
    assert_same_flow_logs(project, stuck_cloud)


def test_make_refuses_a_live_run_and_recovers_a_killed_one(checkout: Path, tmp_path: Path) -> None:
    project = Project.at(checkout)
    with serving(tmp_path / "stuck.db", latency=FOREVER) as cloud:
        project.use_cloud(cloud)
        token = {"OS_TOKEN": cloud.server.token}
        first = project.start_command(["make", "up"], {**as_in_a_new_shell(), **token})
        try:
            wait_until(lambda: len(cloud.flow_logs()) == DEMO_FLOW_LOGS, first)
            before = run_files(project)
            assert {"creating", "locks"} <= {part for file in before for part in file.parts}

            for target in ("up", "recover"):
                output = run_shell(f"make {target}", checkout, 2, **token)

                assert output.count("error: ") == 1, output
                assert f"another run of this stack is in progress, with {DEMO_FLOW_LOGS} creates" in output
                assert "interrupted" not in output
                assert "make recover" not in output
                assert run_files(project) == before

            created = cloud.flow_logs().keys()
            project.kill_engine(first)
        finally:
            project.end()
        cloud.restart_without_latency()
        token = {"OS_TOKEN": cloud.server.token}

        output = run_shell("make recover", checkout, **token)

        assert f"{DEMO_FLOW_LOGS} of {DEMO_FLOW_LOGS} loggable attachments are logged" in output
        assert cloud.flow_logs().keys() == created
        assert_same_flow_logs(project, cloud)
        run_shell("make destroy", checkout, **token)
        assert cloud.flow_logs() == {}
        assert run_shell("git status --short", checkout).splitlines() == [f" M {STACK_FILE}"]


def run_files(project: Project) -> dict[Path, bytes]:
    """The state, its lock, and the records of creates that are under way."""
    local = project.directory / ".local"
    places = (project.creating, local / "state" / ".pulumi" / "locks", local / "state" / ".pulumi" / "stacks")
    return {file: file.read_bytes() for place in places for file in place.rglob("*") if file.is_file()}


def test_stack_neither_changes_nor_deletes_flow_logs_of_another(
    project: Project, blank_project: Path, tmp_path: Path, cloud: Cloud
) -> None:
    another = Project.create(tmp_path / "another", copying=blank_project)
    for user in (project, another):
        user.use_cloud(cloud)
    project.change_router("core", attachments=["vpc-shop"])
    project.change_router("edge", attachments=[])
    another.change_router("core", attachments=["vpc-payments"])
    project.up()
    another.up()
    before = cloud.flow_logs()
    id_ = cloud.flow_log_of("vpc-shop")["id"]

    another.change_router("core", attachments=["vpc-payments", "vpc-shop"], enabled=False)
    error = another.expect_error("up", *QUICK)

    assert f"already has flow log 'core-vpc-shop', id {id_}," in error
    assert cloud.flow_logs().keys() == before.keys()
    assert cloud.flow_logs()[id_] == before[id_]
    assert another.flow_logs().keys() == before.keys() - {id_}
    assert project.flow_logs().keys() == {id_}
