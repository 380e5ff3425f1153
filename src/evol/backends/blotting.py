"""The key blotted out of whatever a server says, before anybody sees it. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from evol.records import Completion

BLOT = "[key]"
"""What stands where a server said the key."""


class Blot:
    """Blots some strings out.

    Args:
        secrets: the strings. A dummy key of a few letters is none, and blotting it out would mangle every message.
    """

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = tuple(secret for secret in secrets if len(secret) >= 8)
        self._real = tuple(secret for secret in self._secrets if _is_no_word(secret))

    def text(self, text: str) -> str:
        """A text that messages may quote; it is cut afterwards, for half a key would not be recognised."""
        for secret in self._secrets:
            text = text.replace(secret, BLOT)
        return text

    def body(self, body: bytes) -> bytes:
        """A body that messages may quote."""
        for secret in self._secrets:
            body = body.replace(secret.encode(), BLOT.encode())
        return body

    @property
    def overlap(self) -> int:
        """Bytes at the end of a block that may be the beginning of a real key."""
        return max((len(secret) for secret in self._real), default=1) - 1

    def finds_key(self, text: str) -> bool:
        """Whether a real key stands in a text."""
        return any(secret in text for secret in self._real)

    def stored(self, content: bytes) -> bytes:
        """Bytes that are kept on the disk for a while; as of a reply, a dummy key may stand in them."""
        for secret in self._real:
            content = content.replace(secret.encode(), BLOT.encode())
        return content

    def headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Headers that messages may quote."""
        return _Blotted(self, headers)

    def completion(self, completion: Completion) -> Completion:
        """A reply that may be kept: it may hold a dummy key, which can be a word, but never a real one."""
        for secret in self._real:
            if secret in completion.text or secret in completion.finish_reason:
                completion = dataclasses.replace(
                    completion,
                    text=completion.text.replace(secret, BLOT),
                    finish_reason=completion.finish_reason.replace(secret, BLOT),
                )
        return completion


NOTHING_SECRET = Blot(())


class _Blotted(Mapping[str, str]):
    """Headers, which know names in any case, seen through a blot."""

    def __init__(self, blot: Blot, headers: Mapping[str, str]) -> None:
        self._blot, self._headers = blot, headers

    def __getitem__(self, name: str) -> str:
        return self._blot.text(self._headers[name])

    def __iter__(self) -> Any:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)


def _is_no_word(key: str) -> bool:
    """Whether a key is long and mixed enough to be a real one, which no good reply holds by chance."""
    return len(key) >= 12 and any(char.isdigit() for char in key) and any(char.isalpha() for char in key)
