"""Two at work on the same: two runs of one stack, two stacks, and two creates where the first one's answer was lost."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.faults.plan import Fault
from tests.e2e import test_interrupted_runs, test_make
from tests.e2e.harness import (
    DEMO_FLOW_LOGS,
    FOREVER,
    QUICK,
    TIMEOUT,
    Cloud,
    Project,
    as_in_a_new_shell,
    assert_converged,
    assert_same_flow_logs,
    serving,
)

CREATE = "POST /v3/{project_id}/enterprise-router/{er_id}/flow-logs"


def one_sentence(output: str) -> str:
    return re.sub(r"\s+", " ", output)


def refused_while_another_is_at_work(project: Project, other: Project, stuck_cloud: Cloud) -> str:
    """What the other's `up` is told while the project's is under way, which then ends well."""
    # What is stuck keeps the first run going until the second one has ended.
    first = project.start("up", *QUICK)
    test_interrupted_runs.until(lambda: len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS, first)

    said = other.expect_error("up", *QUICK)

    assert "the stack is currently locked by 1 lock(s)" in one_sentence(said)
    assert re.search(r"created by \S+ \(pid \d+\)", said)
    assert first.poll() is None
    stuck_cloud.complete_operations()
    output, _ = first.communicate(timeout=TIMEOUT)
    assert first.returncode == 0, output
    return said


def test_a_second_up_at_the_same_time_is_told_of_the_first_and_disturbs_nothing(
    project: Project, stuck_cloud: Cloud
) -> None:
    refused_while_another_is_at_work(project, project, stuck_cloud)

    assert len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS
    assert_same_flow_logs(project, stuck_cloud)


def test_a_preview_takes_no_create_of_a_live_run_for_an_interrupted_one(project: Project, stuck_cloud: Cloud) -> None:
    first = project.start("up", *QUICK)
    test_interrupted_runs.until(lambda: len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS, first)
    assert len(list(project.creating.iterdir())) == DEMO_FLOW_LOGS
    # An interrupted create of what is left out here would be one to recover.
    project.change_router("core", attachments=["vpc-shop"])

    project.expect_ok("preview", "--suppress-progress")

    stuck_cloud.complete_operations()
    output, _ = first.communicate(timeout=TIMEOUT)
    assert first.returncode == 0, output
    assert_same_flow_logs(project, stuck_cloud)


checkout = test_make.checkout


def test_no_make_target_takes_a_live_run_for_an_interrupted_one(checkout: Path, tmp_path: Path) -> None:
    project = Project.at(checkout)
    with serving(tmp_path / "stuck.db", latency=FOREVER) as cloud:
        project.use_cloud(cloud)
        token = {"OS_TOKEN": cloud.server.token}
        first = subprocess.Popen(
            ["make", "up"],
            cwd=checkout,
            env={**as_in_a_new_shell(), **token},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        project.sessions.add(first.pid)
        try:
            test_interrupted_runs.until(lambda: len(cloud.flow_logs()) == DEMO_FLOW_LOGS, first)
            before = files_of_the_run(project)
            assert {"creating", "locks"} <= {kind for file in before for kind in file.parts}

            for target in ("up", "destroy", "recover"):
                said = test_make.run(f"make {target}", checkout, 2, **token)

                assert said.count("error: ") == 1, said
                assert f"another run is at work on this stack now, with {DEMO_FLOW_LOGS} creates under way" in said
                assert "interrupted" not in said
                assert "make recover" not in said
                assert files_of_the_run(project) == before

            cloud.complete_operations()
            output, _ = first.communicate(timeout=TIMEOUT)
        finally:
            project.end()
        assert first.returncode == 0, output
        assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS
        assert_same_flow_logs(project, cloud)


def files_of_the_run(project: Project) -> dict[Path, bytes]:
    """The state, its lock and what is recorded as under way."""
    local = project.directory / ".local"
    places = (project.creating, local / "state" / ".pulumi" / "locks", local / "state" / ".pulumi" / "stacks")
    return {file: file.read_bytes() for place in places for file in place.rglob("*") if file.is_file()}


@pytest.fixture
def another(tmp_path: Path, blank_project: Path) -> Project:
    """A project like the first one, with a stack and a state of its own."""
    directory = tmp_path / "another"
    directory.mkdir()
    return Project.create(directory, copying=blank_project)


def test_two_stacks_that_claim_one_attachment_leave_each_other_alone(
    project: Project, another: Project, cloud: Cloud
) -> None:
    for one in (project, another):
        one.use_cloud(cloud)
    project.change_router("edge", attachments=[])
    another.change_router("core", attachments=["vpc-shop"])
    project.up()
    before = cloud.flow_logs()
    (theirs,) = [id_ for id_, one in before.items() if one["name"] == "core-vpc-shop-e4ec9862"]

    # A stack that has nothing yet is refused as a whole.
    assert "wants flow logs that are on er-core already and not this stack's" in another.expect_error("up", *QUICK)
    assert another.flow_logs() == {}
    assert cloud.flow_logs() == before

    # One that has something to keep goes on, and fails for this one alone.
    another.change_router("core", attachments=[])
    another.up()
    another.change_router("core", attachments=["vpc-shop"])
    output = another.expect_error("up", *QUICK)

    assert f"already has flow log 'core-vpc-shop-e4ec9862', id {theirs}," in one_sentence(output)
    assert len(another.flow_logs()) == DEMO_FLOW_LOGS - len(before)
    assert cloud.flow_logs().keys() == before.keys() | another.flow_logs().keys()

    another.destroy()

    assert another.flow_logs() == {}
    assert cloud.flow_logs() == before
    assert_converged(project, cloud)


@pytest.fixture
def forgetful_cloud(project: Project) -> Iterator[Cloud]:
    """A cloud where a create says nothing of whether it was made before."""
    with serving(project.directory / "forgetful.db", client_tokens="ignore") as cloud:
        project.use_cloud(cloud)
        yield cloud


@pytest.mark.acceptance
def test_a_create_without_an_answer_is_adopted_where_nothing_tells_whose_it_is(
    project: Project, forgetful_cloud: Cloud
) -> None:
    project.change_router("core", attachments=["vpc-shop"])
    project.change_router("edge", attachments=[])
    server = forgetful_cloud.server
    server.faults.use(0, [Fault("reset", calls="POST */flow-logs", when="after", times=1)])

    said = one_sentence(project.expect_error("up", *QUICK))

    assert server.faults.injected() == {"reset": 1}
    (made,) = forgetful_cloud.flow_logs()
    assert f"already has flow log 'core-vpc-shop-e4ec9862', id {made}," in said
    project.change_router("core", adopt=True)
    project.up()
    assert_same_flow_logs(project, forgetful_cloud)
    project.change_router("core", adopt=False)
    before = forgetful_cloud.flow_logs()
    project.up()
    assert forgetful_cloud.flow_logs() == before
    assert_same_flow_logs(project, forgetful_cloud)
    # Nothing was written but creates.
    assert [call for call in server.requests.read() if not call.startswith(("GET ", CREATE))] == []
