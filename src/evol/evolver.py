"""The Evolver: which operation, what to ask, what came back. Pure; the paper's section "Instruction Evolver"."""

from __future__ import annotations

from evol.draws import draw_fraction, draw_integer
from evol.packs import Operation, Pack
from evol.records import Message


def choose_operation(pack: Pack, random_seed: int, seed_id: str, generation: int) -> Operation:
    """Draw the operation of one generation of one lineage; equal weights give the paper's 1/6 each."""
    point = draw_fraction(random_seed, "operation", seed_id, generation) * sum(op.weight for op in pack.operations)
    for operation in pack.operations:
        point -= operation.weight
        if point < 0:
            return operation
    return pack.operations[-1]  # rounding at the upper end


def build_evolve_messages(
    operation: Operation, instruction: str, random_seed: int, seed_id: str, generation: int
) -> list[Message]:
    """The chat messages that ask for one evolution; `{{format}}` is drawn anew for each generation."""
    values = {"instruction": instruction}
    if operation.formats:
        drawn = draw_integer(random_seed, "format", seed_id, generation) % len(operation.formats)
        values["format"] = operation.formats[drawn]
    return operation.template.render(values)
