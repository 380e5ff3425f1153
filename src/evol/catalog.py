"""What `evol packs` shows: the bundled packs, one rendered prompt, what stands in a folder. Prints nothing itself.

Texts of packs and instructions are returned as they are; whoever prints them cleans them for the terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evol.errors import PackError, UsageError
from evol.evolver import build_evolve_messages
from evol.files import data_folder
from evol.packs import PACK_FILE, Pack, Variant, find_faults, find_pack, list_bundled, read_pack
from evol.records import Message, Seed
from evol.seeds import SeedTally, digest_instruction, read_seeds


@dataclass(frozen=True)
class ShownPrompt:
    """A prompt as it would be sent.

    Attributes:
        messages: the chat turns.
        is_fallback: the short variant was wanted, and the operation has none.
    """

    messages: list[Message]
    is_fallback: bool


def describe_bundled() -> list[str]:
    """Lines about each bundled pack.

    Raises:
        PackError: a bundled pack is damaged.
    """
    return [line for folder in list_bundled() for line in [*describe_pack(read_pack(folder, "full")), ""]][:-1]


def describe_pack(pack: Pack) -> list[str]:
    """Lines about one pack: name and description, then a table of its operations."""
    rows = [("operation", "kind", "weight", "short variant")]
    rows += [(each.name, each.kind, f"{each.weight:g}", "yes" if each.has_short else "no") for each in pack.operations]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    head = f"{pack.name}: {pack.description}" if pack.description else pack.name
    return [head, *("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)]


def render_prompt(name: str, operation: str, instruction: str | None, variant: Variant) -> ShownPrompt:
    """The prompt that asks for one evolution of one instruction.

    Args:
        name: a bundled pack's name or the path of a folder.
        operation: one of the pack's.
        instruction: what is evolved; None takes the first bundled starter seed.
        variant: which text.

    Raises:
        PackError: the pack is missing or faulty.
        UsageError: no such operation, or a blank instruction.
    """
    pack = read_pack(find_pack(name), variant)
    found = next((each for each in pack.operations if each.name == operation), None)
    if found is None:
        known = ", ".join(each.name for each in pack.operations)
        raise UsageError(f"the prompt pack {name} has no operation {operation!r}", f"it has {known}")
    seed = _first_seed() if instruction is None else _make_seed(instruction)
    messages = build_evolve_messages(found, seed.instruction, 0, seed.id, 1)
    return ShownPrompt(messages, variant == "short" and not found.has_short)


def check_folder(folder: Path) -> tuple[list[str], list[PackError]]:
    """Validate a pack's folder in all its variants.

    Returns:
        Lines about what was found where nothing is wrong, and the faults, each with file and line.

    Raises:
        PackError: there is no such folder.
    """
    if not folder.is_dir():
        raise PackError(f"{folder}: no such folder", f"name the folder that holds {PACK_FILE}")
    if faults := find_faults(folder):
        return [], faults
    pack = read_pack(folder, "full")
    judges = {each.judge.source for each in pack.operations if each.judge}
    short = sum(each.has_short for each in pack.operations)
    found = (
        f"ok: {folder} holds {_count(len(pack.operations), 'operation')} ({short} with a short variant), "
        f"{_count(len(judges), 'judge')} and {_count(len(pack.labels), 'label')}"
    )
    return [found, *describe_pack(pack)], []


def _first_seed() -> Seed:
    return next(read_seeds(data_folder("seeds") / "starter.jsonl", 1, SeedTally()))


def _make_seed(instruction: str) -> Seed:
    if not instruction.strip():
        raise UsageError("--instruction is empty", "write an instruction, or leave the flag out")
    try:
        return Seed(id=digest_instruction(instruction), instruction=instruction)
    except ValueError:  # bytes of the command line that are no UTF-8
        raise UsageError("--instruction is not UTF-8", "write it in the terminal's encoding") from None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
