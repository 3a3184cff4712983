"""Where stack files are."""

from pathlib import Path

import pytest

from stacks.stackfile.location import short_name, stack_file, stack_folder


@pytest.mark.parametrize(
    ("project", "folder"),
    [
        (None, "stacks"),
        ("name: x\n", "."),
        ("name: x\nstackConfigDir: stacks\n", "stacks"),
        ("name: x\nstackConfigDir: 'deploy/to/'  # all of them\n", "deploy/to"),
    ],
)
def test_stack_files_are_where_pulumi_yaml_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: str | None, folder: str
) -> None:
    if project is not None:
        (tmp_path / "Pulumi.yaml").write_text(project)
    assert (
        stack_file("dev", tmp_path)
        == stack_folder(tmp_path) / "Pulumi.dev.yaml"
        == tmp_path / folder / "Pulumi.dev.yaml"
    )
    monkeypatch.chdir(tmp_path)
    assert stack_file("dev") == Path(folder, "Pulumi.dev.yaml")


@pytest.mark.parametrize("stack", ["dev", "project/dev", "organization/project/dev"])
def test_short_name_has_no_organization_and_project(stack: str) -> None:
    assert short_name(stack) == "dev"
