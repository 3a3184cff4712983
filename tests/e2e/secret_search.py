"""Finds passwords and tokens in any data, as they are and in base64."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

TOKEN_LENGTH = 64  # characters of a token that the emulator issues


@dataclass(frozen=True)
class Secrets:
    """A password or token, and all tokens that the emulator with this file has issued."""

    credential: str
    database: Path

    def appear_in(self, data: bytes) -> bool:
        """Whether the data contains one of them, as it is or within something in base64."""
        texts = [data, *map(_decoded, set(re.findall(rb"[A-Za-z0-9+/]{24,}", data)))]
        if any(self.credential.encode() in text for text in texts):
            return True
        words = {word for text in texts for word in re.findall(rb"[\w-]{%d,}" % TOKEN_LENGTH, text)}
        parts = (word[start : start + TOKEN_LENGTH] for word in words for start in range(len(word) - TOKEN_LENGTH + 1))
        # All that the emulator keeps of a token is its digest.
        return not self._digests().isdisjoint(hashlib.sha256(part).digest() for part in parts)

    def _digests(self) -> set[bytes]:
        if not self.database.exists():
            return set()
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return {digest for (digest,) in connection.execute("SELECT digest FROM token")}


def _decoded(text: bytes) -> bytes:
    text = text[:-1] if len(text) % 4 == 1 else text
    return base64.b64decode(text + b"=" * (-len(text) % 4))
