"""What the fuzz tests share: how many examples, and inputs that look almost right.

A normal run tries a few hundred inputs of each kind. `EVOL_FUZZ=100000 pytest tests/test_fuzz_files.py
tests/test_fuzz_texts.py --hypothesis-show-statistics` tries as many as it says, and shows the count.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from evol.errors import EvolError

T = TypeVar("T")

COUNT = int(os.environ.get("EVOL_FUZZ", "0"))

Tape = Iterator[int]
"""Bytes that decide how an input is made, zeros at their end: nothing else is drawn, shrunk and counted."""

FRAGMENTS = (
    *(
        b"\x00",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\r\n",
        b"\n",
        b"\x1b[2J",
        b"\xe2\x80\xa8",
        b"\xf0",
    ),
    *(b'"', b"'", b"\\", b"\\u", b"\\ud800", b"{", b"}", b"[", b"]", b":", b",", b"=", b"#", b"{{", b"}}", b'"""'),
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"9" * 30, b"1" * 5000, b"0.1", b'""', b"{}"),
    *(b"[" * 2000, b'{"a":' * 2000, b"a" * 5000, b"\xcc\x81", b"\xe2\x80\xae", b"\xf0\x9f\x98\x80"),
)
"""What breaks parsers: broken UTF-8, marks of every syntax, absurd numbers, nesting."""


def fuzzed(examples: int = 200) -> Callable[[Any], Any]:
    """Settings of a fuzz test: so many examples, or as many as EVOL_FUZZ says."""
    quick = COUNT == 0
    return settings(
        max_examples=COUNT or examples,
        deadline=None,
        database=None if COUNT else settings.default.database,  # type: ignore[union-attr]
        phases=tuple(Phase) if quick else (Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


@contextlib.contextmanager
def may_refuse(kind: type[EvolError], named: object = "") -> Iterator[None]:
    """Lets one kind of our own errors pass, if it names something; any other exception is a fault."""
    try:
        yield
    except kind as error:
        if not str(error) or str(named) not in str(error):
            raise


def _play(make: Callable[[Tape], T], size: int) -> st.SearchStrategy[T]:
    return st.binary(min_size=size // 4, max_size=size).map(
        lambda drawn: make(itertools.chain(drawn, itertools.repeat(0)))
    )


def _edit(content: bytes, tape: Tape, others: Sequence[bytes]) -> bytes:
    kind, where, reach = next(tape) % 8, (next(tape) * 256 + next(tape)) / 65536, next(tape)
    fragment = FRAGMENTS[next(tape) % len(FRAGMENTS)]
    place = int(where * (len(content) + 1))
    end = min(len(content), place + (reach if reach < 200 else reach - 200) // 4)
    match kind:
        case 0:  # cut out
            return content[:place] + content[end:]
        case 1:  # put in
            return content[:place] + fragment + content[place:]
        case 2:  # put in place of something
            return content[:place] + fragment + content[end:]
        case 3:  # flip a bit
            flipped = bytes(byte ^ (1 << reach % 8) for byte in content[place : place + 1])
            return content[:place] + flipped + content[place + 1 :]
        case 4:  # stand twice
            return content[:end] + content[place:end] + content[end:]
        case 5:  # break off
            return content[:place]
        case 6:  # go on as another
            other = others[reach % len(others)]
            return content[:place] + other[int(where * len(other)) :]
    lines = content.split(b"\n")  # lines change places
    first, second = int(where * len(lines)), reach % len(lines)
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def damage(documents: Sequence[bytes], most: int = 5) -> st.SearchStrategy[bytes]:
    """One of some good documents after a few edits (cuts, flips, insertions, splices with another), or any bytes."""

    def make(tape: Tape) -> bytes:
        if (first := next(tape)) == 255:
            return bytes(itertools.islice(tape, 40))
        content = documents[first % len(documents)]
        for _ in range(next(tape) % (most + 1)):
            content = _edit(content, tape, documents)
        return content

    return _play(make, most * 5 + 2)


def compose(pieces: Sequence[str], most: int = 12) -> st.SearchStrategy[str]:
    """Texts made of telling pieces and of any characters between them; now and then a piece many times over."""

    def make(tape: Tape) -> str:
        parts = []
        for _ in range(next(tape) % (most + 1)):
            kind, chosen = next(tape), next(tape) * 256 + next(tape)
            if kind < 150:
                part = pieces[chosen % len(pieces)]
            elif kind < 200:
                part = chr(32 + chosen % 95)
            else:
                part = chr(chosen * 17 % 0x110000)
            parts.append(part * (40 if kind % 16 == 15 else 1))
        return "".join(parts).encode("utf-8", "replace").decode()

    return _play(make, most * 3 + 1)


def wild(keys: Sequence[str], texts: Sequence[str] = (), size: int = 40) -> st.SearchStrategy[Any]:
    """JSON values of any shape that use the given keys and texts more often than chance would."""
    numbers = [0, 1, -1, 2, 7, 2**31, 2**53, 2**63 - 1, -(2**63), 0.5, -0.0, 1e308, 1e-300]
    simple: list[Any] = [None, True, False, "", " ", "x", "a\nb", "\0", "é\u2028", "\ud800", "{{first}}"]
    simple += [*numbers, *texts, *texts, *texts]

    def make(tape: Tape, depth: int = 0) -> Any:
        kind = next(tape)
        if kind < 110 or depth > 5:
            return simple[kind % len(simple)]
        if kind < 150:
            return [make(tape, depth + 1) for _ in range(kind % 4)]
        return {_draw_key(tape): make(tape, depth + 1) for _ in range(kind % 6)}

    def _draw_key(tape: Tape) -> str:
        kind = next(tape)
        return keys[kind % len(keys)] if kind < 240 else chr(kind)

    return _play(make, size)
