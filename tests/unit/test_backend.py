"""Which state a stack belongs to."""

import pytest

from stacks.backend import named, public, refusal

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
    assert refusal(stack, PROJECT, environment) is None


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
    found = refusal(stack, PROJECT, environment)
    assert found
    assert f"and not in {actual}: set PULUMI_BACKEND_URL" in found


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgres://ann:hush@db/states", "postgres://ann@db/states"),
        ("postgres://ann:hu@sh:1@db:5432/states?sslmode=require", "postgres://ann@db:5432/states?sslmode=require"),
        ("postgres://db/states?user=ann&password=hush", "postgres://db/states?user=ann"),
        ("postgres://db/states?password=hush&user=ann", "postgres://db/states?user=ann"),
        ("postgres://db/states?password=hush", "postgres://db/states"),
        ("s3://states?endpoint=obs:9000&profile=a@b", "s3://states?endpoint=obs:9000&profile=a@b"),
        ("file://~/states", "file://~/states"),
    ],
)
def test_a_password_of_the_address_is_in_no_message(address: str, shown: str) -> None:
    assert public(address) == shown
    found = refusal(stack_file("s3://elsewhere"), PROJECT, {"PULUMI_BACKEND_URL": address})
    assert found
    assert f"and not in {shown}: set" in found


def test_a_stack_file_names_its_state_or_none() -> None:
    assert named(stack_file("s3://states")) == "s3://states"
    assert named("config: {}\n") == ""


def test_a_project_without_a_backend_has_that_of_the_login() -> None:
    assert "that of `pulumi login`" in (refusal(stack_file("s3://states"), "name: x\n", {}) or "")
