"""The address of a backend to which a stack has moved; the moves are in tests/e2e/test_state_backends.py."""

from pathlib import Path

import pytest

from tools.move_state import Backend

WHOLE = "s3://states?endpoint=obs.example.com&region=eu-de"
REST = ", completed with the rest of TO (which may be secret)"


@pytest.mark.parametrize(
    ("url", "setting"),
    [
        (WHOLE, f"PULUMI_BACKEND_URL='{WHOLE}'"),
        (f"{WHOLE}&profile=team", f"PULUMI_BACKEND_URL='{WHOLE}'{REST}"),
        (
            "postgres://me:hush@db/pulumi?sslmode=require",
            f"PULUMI_BACKEND_URL='postgres://me@db/pulumi?sslmode=require'{REST}",
        ),
    ],
)
def test_address_to_copy_shows_that_secrets_are_left_out(url: str, setting: str) -> None:
    assert Backend.at(url, Path()).setting == setting
