"""A run must use the state backend that the stack file names."""

from pathlib import Path

import pytest

from stacks.checks.backend import check_address, check_backend, check_moved, find_expected_backend, mask_secrets

PROJECT = "name: x\nbackend:\n  url: file://./.local/state?metadata=skip\nplugins: {}\n"
S3 = "s3://states?region=eu-de&endpoint=obs"


def stack_file(state: str) -> str:
    return f"config:\n  otc-flow-logs:region: eu-de\n  otc-flow-logs:state: {state}  # the team's\n"


@pytest.mark.parametrize(
    ("stack", "environment"),
    [
        ("config: {}\n", {}),
        ("config: {}\n", {"PULUMI_BACKEND_URL": S3}),
        (stack_file("s3://states"), {"PULUMI_BACKEND_URL": S3}),
        (stack_file("'s3://states/'"), {"PULUMI_BACKEND_URL": "s3://states"}),
        ('config:\n  "otc-flow-logs:state": s3://states\n', {"PULUMI_BACKEND_URL": "s3://states"}),
        ("config:\n  'otc-flow-logs:state' : s3://states\n", {"PULUMI_BACKEND_URL": "s3://states"}),
        (stack_file(f'"{S3}"'), {"PULUMI_BACKEND_URL": S3}),
        (stack_file("file://./.local/state"), {}),
        (
            stack_file("postgres://ann@db/states"),
            {"PULUMI_BACKEND_URL": "postgres://ann:hush@db/states?sslmode=require"},
        ),
        (stack_file("file://./.local/state"), {"PULUMI_BACKEND_URL": ""}),
        (stack_file("file://./.local/state?metadata=skip"), {"PULUMI_BACKEND_URL": "file://./.local/state"}),
        (stack_file("s3://states"), {"PULUMI_BACKEND_URL": "file:///tmp/empty", "OTC_FLOW_LOGS_STATE": S3}),
    ],
)
def test_expected_backend_is_accepted(stack: str, environment: dict[str, str]) -> None:
    expected = find_expected_backend(stack)
    assert bool(expected) is (":state" in stack)
    assert check_backend(expected, PROJECT, environment) is None


@pytest.mark.parametrize(
    ("expected", "project", "environment", "actual"),
    [
        ("s3://states", PROJECT, {}, "file://./.local/state"),
        ("s3://states", PROJECT, {"PULUMI_BACKEND_URL": "s3://others"}, "s3://others"),
        (S3, PROJECT, {"PULUMI_BACKEND_URL": "s3://states?region=eu-nl"}, "s3://states?region=eu-nl"),
        ("file://./.local/state", PROJECT, {"PULUMI_BACKEND_URL": S3}, S3),
        ("s3://states", PROJECT, {"PULUMI_BACKEND_URL": "file:///empty", "OTC_FLOW_LOGS_STATE": "s3://x"}, "s3://x"),
        ("s3://states", "name: x\n", {}, "that of `pulumi login`"),
    ],
)
def test_another_backend_is_refused(expected: str, project: str, environment: dict[str, str], actual: str) -> None:
    refusal = check_backend(expected, project, environment)
    assert refusal
    assert f"not in {actual}: set PULUMI_BACKEND_URL" in refusal


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgres://ann:hush@db/states", "postgres://ann@db/states"),
        ("postgres://ann:hu@sh:1@db:5432/states?sslmode=require", "postgres://ann@db:5432/states?sslmode=require"),
        ("postgres://db/states?sslmode=require&password=hush", "postgres://db/states?sslmode=require"),
        ("postgres://db/states?sslpassword=hush&sslmode=require", "postgres://db/states?sslmode=require"),
        ("postgres://ann:hu/sh@db/states", "postgres://ann@db/states"),
        ("postgres://ann:hu?sh@db/states", "postgres://ann@db/states"),
        ("postgres://db/states?password=hush", "postgres://db/states"),
        ("s3://states?endpoint=obs:9000&secret_access_key=hush", "s3://states?endpoint=obs:9000"),
        ("file://~/states", "file://~/states"),
    ],
)
def test_secrets_of_an_address_are_never_shown(address: str, shown: str) -> None:
    assert mask_secrets(address) == shown
    assert f"not in {shown}: set" in (check_backend("s3://others", PROJECT, {"PULUMI_BACKEND_URL": address}) or "")


@pytest.mark.parametrize(
    ("address", "environment", "is_refused"),
    [
        ("s3://states", {}, True),
        ("s3://states?endpoint=obs.eu-de.otc.t-systems.com", {}, True),
        ("s3://states?region=eu-de", {}, False),
        ("s3://states?profile=team", {}, False),
        ("s3://states", {"AWS_REGION": "eu-de"}, False),
        ("s3://states", {"AWS_CONFIG_FILE": __file__}, False),
        ("file://states", {}, False),
    ],
)
def test_address_of_s3_needs_a_region(
    address: str, environment: dict[str, str], is_refused: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    refusal = check_address("TO", address, environment)
    assert bool(refusal) is is_refused
    if refusal:
        assert "such as s3://states?endpoint=obs.eu-de.otc.t-systems.com&region=eu-de (see" in refusal


@pytest.mark.parametrize(
    "address", ["states", "/tmp/x", "foo://bar", "postgrse://db/x", "://x", "s3://", "S3//x", "redis://h:6379/0"]
)
def test_address_that_pulumi_does_not_know_is_refused(address: str) -> None:
    assert check_address("PULUMI_BACKEND_URL", address, {}) == (
        "PULUMI_BACKEND_URL is not the address of a backend, such as postgres://…, s3://… or file://…: correct it."
    )


@pytest.mark.parametrize(
    "address",
    [
        *("file://~/states", "file:///states", "s3://states?region=eu-de", "gs://states", "azblob://states"),
        *("postgres://db/states", "https://api.pulumi.com", "http://localhost:8080"),
    ],
)
def test_address_of_a_backend_of_pulumi_is_accepted(address: str) -> None:
    assert check_address("PULUMI_BACKEND_URL", address, {}) is None


def test_state_that_was_moved_is_not_looked_for_where_it_was() -> None:
    moved = "file://./.local/state?metadata=skip\ns3://states?region=eu-de\n"
    assert check_moved("dev", moved, PROJECT, {"PULUMI_BACKEND_URL": S3}) is None
    refusal = check_moved("dev", moved, PROJECT, {})
    assert refusal
    assert refusal.startswith("its state was moved from here to s3://states?region=eu-de: set PULUMI_BACKEND_URL")
