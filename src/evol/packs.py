"""Prompt packs: a folder with `pack.toml` and one text file per operation; load, validate, render.

A template is chat turns: a line that is exactly `[[system]]`, `[[user]]` or `[[assistant]]` starts one; without such a
line the whole file is one user turn. Placeholders (`{{instruction}}`, `{{format}}`, in the judge's `{{first}}` and
`{{second}}`) are replaced in a single pass over that closed set: what a value contains is never looked at again, so
hostile text stays text.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evol.errors import PackError
from evol.files import data_folder, read_lines
from evol.records import Message

Kind = Literal["in-depth", "in-breadth"]
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_TURN = re.compile(r"^\[\[(system|user|assistant)\]\][ \t]*$")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_LABELS_KEY = "labels"


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
        return [
            {"role": role, "content": _PLACEHOLDER.sub(lambda match: values[match[1]], text)}
            for role, text in self.turns
        ]


@dataclass(frozen=True)
class Operation:
    """One way to evolve an instruction.

    Attributes:
        name: as it stands in rows, e.g. `deepen`.
        kind: in-depth extends its parent; in-breadth makes a sibling.
        weight: share of the draw, relative to the other operations.
        template: the prompt.
        formats: names of data formats of which one is drawn for `{{format}}`; empty where the prompt needs none.
    """

    name: str
    kind: Kind
    weight: float
    template: Template
    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pack:
    """A loaded, valid prompt pack in one variant.

    Attributes:
        name: from `pack.toml`.
        variant: which texts were loaded.
        operations: in the order of `pack.toml`, weight above 0 only.
        judge: the equality judge's prompt.
        reask: the line added when a verdict was unreadable.
        labels: words of the templates that must never appear in a result.
    """

    name: str
    variant: Literal["full", "short"]
    operations: tuple[Operation, ...]
    judge: Template
    reask: str
    labels: tuple[str, ...] = field(default=())

    def digests(self) -> dict[str, str]:
        """The sha256 of what each role sends because of this pack, by role."""
        evolver = [
            f"{op.name}|{op.kind}|{op.weight!r}|{'|'.join(op.formats)}|{op.template.source}" for op in self.operations
        ]
        return {"evolver": _digest("\0".join(evolver)), "judge": _digest(f"{self.judge.source}\0{self.reask}")}


def find_pack(name: str) -> Path:
    """The folder of a bundled pack's name or of a path.

    Raises:
        PackError: neither is there; lists the bundled ones.
    """
    bundled = data_folder("prompts")
    with contextlib.suppress(OSError, ValueError):  # a name too long for the file system, or with a NUL
        if re.fullmatch(r"[A-Za-z0-9_-]+", name) and (bundled / name / "pack.toml").is_file():
            return bundled / name
        if (Path(name) / "pack.toml").is_file():
            return Path(name)
    known = ", ".join(sorted(path.parent.name for path in bundled.glob("*/pack.toml")))
    raise PackError(
        f"{name}: no such prompt pack", f"bundled are {known}; a pack of your own is a folder with pack.toml"
    )


def load_pack(name: str, variant: Literal["full", "short"], weights: dict[str, float]) -> Pack:
    """Load and validate a pack.

    Args:
        name: a bundled pack's name or the path of a folder.
        variant: `short` takes `short/<operation>.txt`, and the full text where an operation has none.
        weights: weights by operation over the pack's own.

    Raises:
        PackError: names file and line: missing file, unknown key or operation, missing or unknown placeholder.
    """
    folder = find_pack(name)
    path = folder / "pack.toml"
    table = _read_pack_toml(path)
    for key in table.keys() - {"name", "description", _LABELS_KEY, "operations", "judge"}:
        raise PackError(f"{path}: unknown key {key!r}", "known are name, description, labels, operations, judge")
    tables = _table(table.get("operations"), "operations", path)
    for unknown in weights.keys() - tables.keys():
        raise PackError(f"{path}: no operation {unknown!r}", f"it has {', '.join(tables)}")
    operations = tuple(_load_operation(key, value, path, variant, weights) for key, value in tables.items())
    active = tuple(operation for operation in operations if operation.weight > 0)
    if not active:
        raise PackError(f"{path}: every operation has weight 0", "give at least one a positive weight")
    labels = table.get(_LABELS_KEY, [])
    if not isinstance(labels, list) or not all(isinstance(label, str) and label.strip() for label in labels):
        raise PackError(f"{path}: labels must be a list of words", 'write labels = ["…"]')
    judge = _table(table.get("judge", {}), "judge", path)
    reask = judge.get("reask", "")
    if not isinstance(reask, str) or not reask.strip() or judge.keys() - {"reask"}:
        raise PackError(f"{path}: [judge] must hold reask, a line of text, and nothing else", "see the bundled pack")
    return Pack(
        name=str(table.get("name") or folder.name),
        variant=variant,
        operations=active,
        judge=load_template(folder / "judge.txt", required={"first", "second"}),
        reask=reask,
        labels=tuple(labels),
    )


def _read_pack_toml(path: Path) -> dict[str, Any]:
    text = "\n".join(line for _, line in read_lines(path, PackError))
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PackError(f"{path}: not valid TOML: {error}", "mend that line") from None


def _table(value: Any, name: str, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PackError(f"{path}: [{name}] is missing or no table", "see the bundled pack")
    return value


def _load_operation(
    name: str, value: Any, path: Path, variant: Literal["full", "short"], weights: dict[str, float]
) -> Operation:
    table = _table(value, f"operations.{name}", path)
    if not _NAME.match(name) or name in ("seed", "judge"):
        raise PackError(
            f"{path}: {name!r} is no operation name", "use lower-case letters, digits and _, not seed or judge"
        )
    for key in table.keys() - {"kind", "weight", "formats"}:
        raise PackError(f"{path}: operations.{name}: unknown key {key!r}", "known are kind, weight, formats")
    kind = table.get("kind")
    if kind not in ("in-depth", "in-breadth"):
        raise PackError(f"{path}: operations.{name}: kind is {kind!r}", 'write "in-depth" or "in-breadth"')
    weight = weights.get(name, table.get("weight", 1))
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e9:
        raise PackError(f"{path}: operations.{name}: weight is {weight!r}", "write a number from 0")
    formats = table.get("formats", [])
    if not isinstance(formats, list) or not all(isinstance(item, str) and item.strip() for item in formats):
        raise PackError(f"{path}: operations.{name}: formats must be a list of names", 'write formats = ["JSON"]')
    short = path.parent / "short" / f"{name}.txt"
    is_short = variant == "short" and short.is_file()
    file = short if is_short else path.parent / f"{name}.txt"
    required: set[str] = {"instruction"}
    optional: set[str] = set()
    if formats:
        (optional if is_short else required).add("format")
    template = load_template(file, required, optional)
    return Operation(name, kind, float(weight), template, tuple(formats))


def load_template(path: Path, required: set[str], optional: set[str] | None = None) -> Template:
    """Load one prompt file.

    Args:
        path: the text file.
        required: placeholders that must occur.
        optional: further ones that may.

    Raises:
        PackError: missing file, unknown or missing placeholder, no user turn at the end; names file and line.
    """
    known = required | (optional or set())
    seen: set[str] = set()
    turns: list[tuple[str, list[str]]] = []
    lines = list(read_lines(path, PackError))
    for number, line in lines:
        if mark := _TURN.match(line):
            turns.append((mark[1], []))
            continue
        if not turns:
            if not line.strip():
                continue
            turns.append(("user", []))
        for match in _PLACEHOLDER.finditer(line):
            if match[1] not in known:
                raise PackError(
                    f"{path}:{number}: unknown placeholder {match[0]}",
                    f"known are {', '.join('{{' + name + '}}' for name in sorted(known))}",
                )
            seen.add(match[1])
        turns[-1][1].append(line)
    for name in sorted(required - seen):
        raise PackError(
            f"{path}:{len(lines)}: the placeholder {{{{{name}}}}} is missing", "put it where the text belongs"
        )
    parsed = tuple((role, "\n".join(text).strip("\n")) for role, text in turns)
    if not parsed or parsed[-1][0] != "user":
        raise PackError(f"{path}:{len(lines)}: the last turn is not the user's", "end with a [[user]] turn")
    return Template(parsed, "\n".join(line for _, line in lines))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
