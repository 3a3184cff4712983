"""Which state a stack belongs to."""

import pytest

from stacks.checks.backend import check_backend, find_expected_backend, mask_secrets

PROJECT = "name: x\nbackend:\n  url: file://./.local/state?metadata=skip\nplugins: {}\n"
S3 = "s3://states?region=eu-de&endpoint=obs"


def stack_file(state: str) -> str:
    return f"config:\n  otc-flow-logs:region: eu-de\n  otc-flow-logs:state: {state}  # ours\n"


@pytest.mark.parametrize(
    ("stack", "environment"),
    [
        ("config: {}\n", {}),
        ("config: {}\n", {"PULUMI_BACKEND_URL": S3}),
        (stack_file("s3://states"), {"PULUMI_BACKEND_URL": S3}),
        (stack_file("'s3://states/'"), {"PULUMI_BACKEND_URL": "s3://states"}),
        (stack_file(f'"{S3}"'), {"PULUMI_BACKEND_URL": S3}),
        (stack_file("file://./.local/state"), {}),
        (
            stack_file("postgres://ann@db/states"),
            {"PULUMI_BACKEND_URL": "postgres://ann:hush@db/states?sslmode=require"},
        ),
        (stack_file("file://./.local/state"), {"PULUMI_BACKEND_URL": ""}),
    ],
)
def test_a_run_on_the_stacks_own_state_or_of_a_stack_that_names_none_goes_on(
    stack: str, environment: dict[str, str]
) -> None:
    assert check_backend(find_expected_backend(stack), PROJECT, environment) is None


@pytest.mark.parametrize(
    ("stack", "environment", "actual"),
    [
        (stack_file("s3://states"), {}, "file://./.local/state?metadata=skip"),
        (stack_file("s3://states"), {"PULUMI_BACKEND_URL": "s3://states-of-others"}, "s3://states-of-others"),
        (stack_file(f'"{S3}"'), {"PULUMI_BACKEND_URL": "s3://states?region=eu-nl"}, "s3://states?region=eu-nl"),
        (stack_file("file://./.local/state"), {"PULUMI_BACKEND_URL": S3}, S3),
    ],
)
def test_a_run_on_another_state_is_refused(stack: str, environment: dict[str, str], actual: str) -> None:
    found = check_backend(find_expected_backend(stack), PROJECT, environment)
    assert found
    assert f"and not in {actual}: set PULUMI_BACKEND_URL" in found


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
def test_a_password_of_the_address_is_in_no_message(address: str, shown: str) -> None:
    assert mask_secrets(address) == shown
    found = check_backend("s3://elsewhere", PROJECT, {"PULUMI_BACKEND_URL": address})
    assert found
    assert f"and not in {shown}: set" in found


def test_a_stack_file_names_its_state_or_none() -> None:
    assert find_expected_backend(stack_file("s3://states")) == "s3://states"
    assert find_expected_backend("config: {}\n") == ""


def test_a_project_without_a_backend_has_that_of_the_login() -> None:
    assert "that of `pulumi login`" in (check_backend("s3://states", "name: x\n", {}) or "")


@pytest.mark.parametrize("line", ['"otc-flow-logs:state": s3://states', "'otc-flow-logs:state' : s3://states"])
def test_a_key_in_quotes_names_a_state_as_well(line: str) -> None:
    assert find_expected_backend(f"config:\n  {line}\n") == "s3://states"


def test_an_empty_backend_stands_for_the_one_in_which_a_new_stack_is_not_yet() -> None:
    environment = {"PULUMI_BACKEND_URL": "file:///tmp/empty", "OTC_FLOW_LOGS_STATE": S3}
    assert check_backend("s3://states", PROJECT, environment) is None
    assert check_backend("s3://others", PROJECT, environment)
