"""Prompt packs: a folder with `pack.toml`, one text file per operation and the judges' prompts; load and validate.

Reading a folder finds all its faults, each with file and line; loading it raises the first of them.

An operation has one of three kinds. *In-depth* extends its parent: it keeps what the parent asks for and carries, and
adds to it. *In-breadth* makes a sibling of its parent, *downward* an easier question (WizardMath); neither extends its
parent, so rules that hold an evolution against its parent apply to in-depth alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from evol.errors import ConfigError, PackError
from evol.files import data_folder
from evol.packfile import Keys, PackFile
from evol.templates import Template, load_template

Kind = Literal["in-depth", "in-breadth", "downward"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Variant = Literal["full", "short"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)

PACK_FILE = "pack.toml"
_DEFAULT_JUDGE = "judge.txt"
_JUDGE_PLACEHOLDERS = {"first", "second"}
_OPERATION_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}\Z")  # file systems bear no longer ones
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}\.txt\Z")


@dataclass(frozen=True)
class Operation:
    """One way to evolve an instruction.

    Attributes:
        name: as it stands in rows, e.g. `deepen`.
        kind: in-depth extends its parent; in-breadth makes a sibling, downward an easier question.
        weight: share of the draw, relative to the other operations.
        template: the prompt.
        judge: the prompt that asks whether parent and evolution are equal; None for an operation that is never judged.
        formats: names of data formats of which one is drawn for `{{format}}`; empty where the prompt needs none.
        has_short: whether the pack brings a short text for it.
    """

    name: str
    kind: Kind
    weight: float
    template: Template
    judge: Template | None
    formats: tuple[str, ...] = ()
    has_short: bool = False


@dataclass(frozen=True)
class Pack:
    """A valid prompt pack in one variant.

    Attributes:
        name: from `pack.toml`.
        description: from `pack.toml`, one line, "" where it has none.
        folder: where it was read from.
        variant: which texts were read.
        operations: in the order of `pack.toml`; after `load_pack` those with a weight above 0.
        judge: the judge's prompt of operations that name none, `judge.txt`.
        reask: the line added when a verdict was unreadable.
        labels: words of the templates that must never appear in a result.
    """

    name: str
    description: str
    folder: Path
    variant: Variant
    operations: tuple[Operation, ...]
    judge: Template
    reask: str
    labels: tuple[str, ...] = field(default=())

    def digests(self) -> dict[str, str]:
        """The sha256 of what each role sends because of this pack, by role."""
        evolver = [
            f"{op.name}|{op.kind}|{op.weight!r}|{'|'.join(op.formats)}|{op.template.source}" for op in self.operations
        ]
        judge = [f"{op.name}|{op.judge.source if op.judge else ''}" for op in self.operations]
        return {"evolver": _digest(evolver), "judge": _digest([self.reask, *judge])}

    def judged_by(self, judge: Template) -> Pack:
        """This pack with another judge's prompt in place of its default one."""
        return self if judge is self.judge else replace(self, judge=judge)


def find_pack(name: str) -> Path:
    """The folder of a bundled pack's name or of a path.

    Raises:
        PackError: neither is there; lists the bundled ones.
    """
    bundled = data_folder("prompts")
    with contextlib.suppress(OSError, ValueError):  # a name too long for the file system, or with a NUL
        if re.fullmatch(r"[A-Za-z0-9_-]+", name) and (bundled / name / PACK_FILE).is_file():
            return bundled / name
        if (Path(name) / PACK_FILE).is_file():
            return Path(name)
    known = ", ".join(path.name for path in list_bundled())
    raise PackError(
        f"{name}: no such prompt pack", f"bundled are {known}; a pack of your own is a folder with {PACK_FILE}"
    )


def list_bundled() -> list[Path]:
    """The folders of the bundled packs: `general`, the default, then the others by name."""
    folders = (path.parent for path in data_folder("prompts").glob(f"*/{PACK_FILE}"))
    return sorted(folders, key=lambda folder: (folder.name != "general", folder.name))


def load_pack(name: str, variant: Variant, weights: dict[str, float], breadth_share: float | None = None) -> Pack:
    """Load a pack for a run.

    Args:
        name: a bundled pack's name or the path of a folder.
        variant: `short` takes `short/<operation>.txt`, and the full text where an operation has none.
        weights: weights by operation over the pack's own; 0 switches one off.
        breadth_share: share of all draws that are in-breadth, 0 … 1; None leaves it to the weights.

    Raises:
        PackError: the first fault of the folder, with file and line.
        ConfigError: weights or share do not fit the pack.
    """
    pack = read_pack(find_pack(name), variant)
    names = [operation.name for operation in pack.operations]
    for unknown in weights.keys() - set(names):
        raise ConfigError(f"evolver.weights: {name} has no operation {unknown!r}", f"it has {', '.join(names)}")
    weighted = [replace(each, weight=weights.get(each.name, each.weight)) for each in pack.operations]
    if breadth_share is not None:
        weighted = _share_out(weighted, breadth_share, weights)
    active = tuple(operation for operation in weighted if operation.weight > 0)
    if not active:
        raise ConfigError("evolver.weights: every operation has weight 0", "give at least one a positive weight")
    return replace(pack, operations=active)


def _share_out(operations: list[Operation], share: float, weights: dict[str, float]) -> list[Operation]:
    """Scale the weights so that in-breadth operations have this share together; inside each part they stay relative."""
    breadth = [operation for operation in operations if operation.kind == "in-breadth"]
    for operation in breadth:
        if operation.name in weights:
            raise ConfigError(
                f"evolver.breadth_share and evolver.weights.{operation.name} both say how often {operation.name} is "
                "drawn",
                "leave one of them out",
            )
    rare = sum(operation.weight for operation in breadth)
    others = sum(operation.weight for operation in operations) - rare
    if share > 0 and not rare:
        raise ConfigError(
            f"evolver.breadth_share is {share:g}, but the prompt pack has no in-breadth operation", "leave it out"
        )
    if share < 1 and not others:
        raise ConfigError(
            f"evolver.breadth_share is {share:g}, but every operation that is not in-breadth has weight 0",
            "set it to 1, or give another operation a weight",
        )
    factors = {True: share / rare if rare else 0.0, False: (1 - share) / others if others else 0.0}
    return [replace(each, weight=each.weight * factors[each.kind == "in-breadth"]) for each in operations]


def read_pack(folder: Path, variant: Variant) -> Pack:
    """Read a pack as its folder says, operations of weight 0 included.

    Raises:
        PackError: the first fault.
    """
    faults: list[PackError] = []
    pack = _read(folder, variant, faults)
    if pack is None:
        raise faults[0]
    return pack


def find_faults(folder: Path) -> list[PackError]:
    """Every fault of a folder in any variant, each with file and line; of a text file its first one."""
    faults: list[PackError] = []
    for variant in VARIANTS:
        _read(folder, variant, faults)
    return list({str(fault): fault for fault in faults}.values())


def _read(folder: Path, variant: Variant, faults: list[PackError]) -> Pack | None:
    """Read a folder; adds what is wrong to `faults`, and is None if anything is."""
    before = len(faults)
    file = default = None
    name = description = reask = ""
    labels: tuple[str, ...] = ()
    operations: list[Operation] = []
    with _collect(faults):
        file = PackFile.load(folder / PACK_FILE)
    if file is None:
        return None
    faults += _find_unknown_keys(file, (), ("name", "description", "labels", "operations", "judge"))
    with _collect(faults):
        name = file.line_of_text(("name",), folder.resolve().name)
    with _collect(faults):
        description = file.line_of_text(("description",), "")
    with _collect(faults):
        labels = file.strings(("labels",))
    with _collect(faults):
        for key in _check_operations(file):
            faults += _find_unknown_keys(file, ("operations", key), ("kind", "weight", "formats", "judge"))
            with _collect(faults):
                operations.append(_read_operation(key, file, variant))
    faults += _find_stray_texts(file)
    faults += _find_unknown_keys(file, ("judge",), ("reask",))
    with _collect(faults):
        reask = file.line_of_text(("judge", "reask"))
    with _collect(faults):
        default = load_template(folder / _DEFAULT_JUDGE, _JUDGE_PLACEHOLDERS)
    if len(faults) > before or default is None:
        return None
    return Pack(name, description, folder, variant, tuple(operations), default, reask, labels)


@contextlib.contextmanager
def _collect(faults: list[PackError]) -> Iterator[None]:
    """What the block raises is added to the faults, and reading goes on behind the block."""
    try:
        yield
    except PackError as fault:
        faults.append(fault)


def _find_unknown_keys(file: PackFile, table: Keys, known: tuple[str, ...]) -> list[PackError]:
    found = file.get(table)
    return [
        file.fault(
            (*table, key),
            f"{'.'.join(table)}{': ' if table else ''}unknown key {key!r}",
            f"known are {', '.join(known)}",
        )
        for key in (found if isinstance(found, dict) else {})
        if key not in known
    ]


def _check_operations(file: PackFile) -> list[str]:
    """The names of the operations; refuses a pack that draws none."""
    tables = file.subtable(("operations",))
    if all(isinstance(table, dict) and table.get("weight", 1) == 0 for table in tables.values()):
        raise file.fault(("operations",), "no operation has a weight above 0", "give at least one a positive weight")
    return list(tables)


def _find_stray_texts(file: PackFile) -> list[PackError]:
    """Short texts that belong to no operation: a misspelt name would send the full text without a word."""
    names = file.get(("operations",))
    return [
        PackError(f"{short}:1: no operation of that name", f"name it after one in {file.path}, or remove it")
        for short in sorted((file.path.parent / "short").glob("*.txt"))
        if isinstance(names, dict) and short.stem not in names
    ]


def _read_operation(name: str, file: PackFile, variant: Variant) -> Operation:
    keys, folder = ("operations", name), file.path.parent
    if not _OPERATION_NAME.match(name) or name in ("seed", "judge"):
        raise file.fault(
            keys, f"{name!r} is no operation name", "use up to 100 lower-case letters, digits and _, not seed or judge"
        )
    table = file.subtable(keys)
    kind = next((known for known in KINDS if known == table.get("kind")), None)
    if kind is None:
        raise file.fault(
            (*keys, "kind"),
            f"operations.{name}: kind is {table.get('kind')!r}",
            "write one of " + ", ".join(f'"{known}"' for known in KINDS),
        )
    weight = table.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e9:
        raise file.fault((*keys, "weight"), f"operations.{name}: weight is {weight!r}", "write a number from 0")
    formats = file.strings((*keys, "formats"))
    full, short = folder / f"{name}.txt", folder / "short" / f"{name}.txt"
    if not full.is_file():
        raise file.fault(keys, f"operations.{name}: {full}: no such file", "write the prompt of this operation into it")
    has_short = short.is_file()
    if variant == "short" and has_short:
        template = load_template(short, {"instruction"}, {"format"} if formats else set())
    else:
        template = load_template(full, {"instruction", "format"} if formats else {"instruction"})
    return Operation(name, kind, float(weight), template, _read_judge(name, file), formats, has_short)


def _read_judge(name: str, file: PackFile) -> Template | None:
    """The prompt that an operation is judged with: `judge.txt`, another file of the pack, or none for `false`."""
    keys = ("operations", name, "judge")
    value = file.get(keys, _DEFAULT_JUDGE)
    if value is False:
        return None
    if not isinstance(value, str) or not _FILE_NAME.match(value):
        raise file.fault(
            keys,
            f"operations.{name}: judge is {value!r}",
            f'write the name of a .txt file beside {PACK_FILE}, such as "{_DEFAULT_JUDGE}", or false for no judge',
        )
    path = file.path.parent / value
    if value != _DEFAULT_JUDGE and not path.is_file():
        raise file.fault(keys, f"operations.{name}: {path}: no such file", "write the judge's prompt into it")
    return load_template(path, _JUDGE_PLACEHOLDERS)


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
