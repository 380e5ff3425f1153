"""Prompt templates: one text file of a prompt pack, parsed into chat turns, checked, rendered.

A line that is exactly `[[system]]`, `[[user]]` or `[[assistant]]` starts a turn; without such a line the whole file is
one user turn. Placeholders (`{{instruction}}`, `{{format}}`, in a judge's prompt `{{first}}` and `{{second}}`) are
replaced in a single pass over that closed set: what a value contains is never looked at again, so hostile text stays
text. Nor can it leave its frame: where a value names the tag that stands around a placeholder (`<first_instruction>`),
the tag gets a number that no value knows.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from evol.errors import PackError
from evol.files import read_lines
from evol.records import Message

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_FRAME = re.compile(r"<([a-z_]+)>\s*\{\{\w+\}\}\s*</\1>")
_TURN = re.compile(r"^\[\[(system|user|assistant)\]\][ \t]*$")

# what may come before a turn; servers refuse other orders
_BEFORE = {"system": (None,), "user": (None, "system", "assistant"), "assistant": ("user",)}


@dataclass(frozen=True)
class Template:
    """A chat prompt with placeholders.

    Attributes:
        turns: (role, text) pairs; the last one is the user's.
        source: the whole file's text, for the digest.
    """

    turns: tuple[tuple[str, str], ...]
    source: str

    def render(self, values: dict[str, str]) -> list[Message]:
        """The chat messages with every placeholder replaced by its value, in one pass."""
        turns = self.turns
        for tag in self._frames:
            if (free := find_free_tag(tag, values.values())) != tag:
                turns = tuple((role, re.sub(rf"(</?){tag}>", rf"\1{free}>", text)) for role, text in turns)
        return [{"role": role, "content": _fill(_split(text), values)} for role, text in turns]

    @cached_property
    def _frames(self) -> tuple[str, ...]:
        """Tags that stand around a placeholder."""
        return tuple(sorted({tag for _, text in self.turns for tag in _FRAME.findall(text)}))


@lru_cache(maxsize=256)
def _split(text: str) -> tuple[str, ...]:
    """Text and names of placeholders by turns."""
    return tuple(_PLACEHOLDER.split(text))


def _fill(pieces: tuple[str, ...], values: dict[str, str]) -> str:
    return "".join([values[piece] if place % 2 else piece for place, piece in enumerate(pieces)])


def find_free_tag(tag: str, texts: Iterable[str]) -> str:
    """A tag that none of the texts names: `tag` itself, else with the lowest number that is free."""
    folded = [text.casefold() for text in texts]
    names = itertools.chain([tag], (f"{tag}-{number}" for number in itertools.count(2)))
    return next(name for name in names if not any(name in text for text in folded))


def load_template(path: Path, required: set[str], optional: set[str] | None = None) -> Template:
    """Load one prompt file.

    Args:
        path: the text file.
        required: placeholders that must occur.
        optional: further ones that may.

    Raises:
        PackError: missing file, unknown or missing placeholder, turns in an order that servers refuse, no user turn at
            the end; names file and line.
    """
    known = required | (optional or set())
    seen: set[str] = set()
    turns: list[tuple[str, list[str]]] = []
    lines = list(read_lines(path, PackError))
    for number, line in lines:
        if mark := _TURN.match(line):
            _check_order(turns[-1][0] if turns else None, mark[1], f"{path}:{number}")
            turns.append((mark[1], []))
            continue
        if not turns:
            if not line.strip():
                continue
            turns.append(("user", []))
        for match in _PLACEHOLDER.finditer(line):
            if match[1] not in known:
                raise PackError(f"{path}:{number}: unknown placeholder {match[0]}", f"known are {_braced(known)}")
            seen.add(match[1])
        turns[-1][1].append(line)
    end = f"{path}:{max(1, len(lines))}"
    if missing := required - seen:
        raise PackError(f"{end}: the placeholder {_braced({min(missing)})} is missing", "put it where the text belongs")
    if turns[-1][0] != "user":
        raise PackError(f"{end}: the last turn is not the user's", "end with a [[user]] turn")
    parsed = tuple((role, "\n".join(text).strip("\n")) for role, text in turns)
    return Template(parsed, "\n".join(line for _, line in lines))


def _check_order(before: str | None, role: str, where: str) -> None:
    if before not in _BEFORE[role]:
        raise PackError(
            f"{where}: a [[{role}]] turn cannot {f'follow a [[{before}]] turn' if before else 'come first'}",
            "write [[system]] once or not at all, then [[user]] and [[assistant]] by turns",
        )


def _braced(names: set[str]) -> str:
    return ", ".join("{{" + name + "}}" for name in sorted(names))
