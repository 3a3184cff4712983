"""Stack files that Pulumi cannot read, or reads as if they were empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.config import ConfigError
from stacks.checks.top_level import check_top_level
from stacks.commands import cli, command_line
from stacks.stackfile.syntax import check_syntax
from tools.console import ToolError
from tools.stack_check import check_stack

FILE = Path("stacks/Pulumi.dev.yaml")
ENDPOINT = "otc-flow-logs:endpoint: emulator"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f"confg:\n  {ENDPOINT}\n", "confg"),
        (f"config:\n{ENDPOINT}\n", "otc-flow-logs:endpoint"),
        (f"config:\n  {ENDPOINT}\nrouters:\n  core: {{}}\n", "routers"),
    ],
)
def test_key_outside_config_is_refused(text: str, key: str) -> None:
    assert check_top_level(FILE, text) == (
        f"{FILE} has the key {key} outside config: write the stack's settings, indented, below a line `config:`"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"# note: a comment\n---\nconfig:\n  {ENDPOINT}\nencryptionsalt: v1:abc\n",
        f"secretsprovider: awskms://x\nencryptedkey: abc\nenvironment:\n  - base\nconfig: {{{ENDPOINT}}}\n",
        f'{{"config": {{"{ENDPOINT}"}}}}\n',
    ],
)
def test_keys_that_pulumi_knows_are_allowed(text: str) -> None:
    assert check_top_level(FILE, text) is None


def test_make_refuses_key_outside_config_before_pulumi_drops_it(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / FILE).write_text(f"confg:\n  {ENDPOINT}\n")
    with pytest.raises(ToolError, match=f"{FILE} has the key confg outside config"):
        check_stack(tmp_path, "dev", {"PULUMI_CONFIG_PASSPHRASE": "x"})


@pytest.mark.parametrize(
    ("stack", "environment", "is_said"),
    [
        ("dev", {}, True),
        ("dev", {"PULUMI_CONFIG_PASSPHRASE": ""}, True),
        ("dev", {"PULUMI_CONFIG_PASSPHRASE": "x"}, False),
        ("dev", {"PULUMI_BACKEND_URL": "https://api.pulumi.com"}, False),
        ("local", {}, False),
    ],
)
def test_next_step_of_a_new_stack_includes_its_passphrase(
    stack: str, environment: dict[str, str], is_said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    said = command_line.next_step(stack, f"config:\n  {ENDPOINT}\n")
    assert ("export PULUMI_CONFIG_PASSPHRASE=…" in said) is is_said
    assert said.endswith(f", then run: STACK={stack} make preview")


class FailedCli:
    returncode = 255

    def communicate(self, _text: str) -> tuple[str, str]:
        return "", "error: invalid YAML file: yaml: line 1: did not find expected key\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of stack `dev`, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stacks").mkdir()
    monkeypatch.setattr(cli, "_popen", lambda _: FailedCli())
    command_line.fetch_values.cache_clear()
    return FILE


@pytest.mark.parametrize("stack", ["dev", "organization/otc-flow-logs/dev"])
def test_yaml_mistake_is_named_with_its_file_and_line(
    file: Path, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(f"config:\n  {ENDPOINT}\n   otc-flow-logs:max_deletes: 3\n")
    with pytest.raises(SystemExit):
        command_line.fetch_values(stack)
    assert capsys.readouterr().err == (
        f"error: {FILE} is not valid YAML: line 3, column 29: mapping values are not allowed here\n"
    )


def test_other_failures_of_the_cli_are_shown_as_they_are(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(f"config:\n  {ENDPOINT}\n")
    with pytest.raises(SystemExit):
        command_line.fetch_values("dev")
    assert capsys.readouterr().err == FailedCli().communicate("")[1]


def test_file_that_cannot_be_read_has_no_yaml_mistake(file: Path) -> None:
    assert check_syntax(file) is None


@pytest.mark.parametrize(
    ("text", "explanation"), [("", f"error: {FILE} is empty; "), (f"config:\n  {ENDPOINT}\n", "error: no credentials")]
)
def test_missing_setting_is_explained_by_an_empty_file(
    file: Path, text: str, explanation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(text)
    with pytest.raises(SystemExit), command_line.errors_as_sentences("dev"):
        raise ConfigError("no credentials")
    shown = capsys.readouterr().err
    assert shown.startswith(explanation)
    assert shown.endswith("error: no credentials\n")
