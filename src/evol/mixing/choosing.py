"""Which rows go where: holdout by lineage, shares by generation, a sample of a size. Draws and order are hashes."""

from __future__ import annotations

import itertools
from array import array
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from evol.draws import draw_integer
from evol.errors import UsageError


def hold_out(
    order: Sequence[int], lineage: Sequence[int], wanted: int, random_seed: int
) -> tuple[list[int], list[int]]:
    """Split rows into (the rest, the holdout), both in the given order; a lineage stands on one side alone.

    Whole lineages are drawn one after the other and taken while they fit, so the holdout has at most `wanted` rows. It
    depends on the random seed and the rows alone, not on the size of the sample.

    Args:
        order: the rows.
        lineage: of every row.
        wanted: rows of the holdout.
        random_seed: of the draw.

    Raises:
        UsageError: nothing would be left to train on.
    """
    if wanted >= len(order):
        raise UsageError(
            f"--holdout {wanted}: only {len(order)} rows are there, nothing would be left to train on", "ask for fewer"
        )
    names, sizes, draws = array("Q"), array("I"), array("Q")
    for name, rows in itertools.groupby(sorted(lineage[index] for index in order)):
        names.append(name)
        sizes.append(sum(1 for _ in rows))
        draws.append(draw_integer(random_seed, "holdout", name))
    taken, room = set(), wanted
    for place in sorted(range(len(names)), key=draws.__getitem__):
        if sizes[place] <= room:
            taken.add(names[place])
            room -= sizes[place]
        if not room:
            break
    if not taken:
        raise UsageError(
            f"--holdout {wanted}: the smallest lineage has {min(sizes)} rows, and a lineage is never split",
            "ask for more",
        )
    rest = [index for index in order if lineage[index] not in taken]
    return rest, [index for index in order if lineage[index] in taken]


def choose_shares(
    order: Sequence[int], generation: Sequence[int], weights: dict[int, Fraction] | str, size: int | None
) -> list[int]:
    """Rows in the given order such that generations stand in the asked proportion.

    The proportion holds even where that makes the mix smaller than `size`; within a generation the first rows of the
    order are taken, which is a uniform sample, for the order is a shuffle.

    Args:
        order: the rows, shuffled.
        generation: of every row.
        weights: "all", "equal" (of the generations that have rows), or shares by generation.
        size: rows wanted, None for as many as the proportion allows.
    """
    if isinstance(weights, str) and weights == "all":
        return list(order[:size])
    there = Counter(generation[index] for index in order)
    shares = {number: Fraction(1) for number in there} if isinstance(weights, str) else weights
    quotas = share_out({number: share for number, share in shares.items() if share}, there, size)
    chosen = []
    for index in order:
        if quotas.get(generation[index], 0):
            quotas[generation[index]] -= 1
            chosen.append(index)
    return chosen


def share_out(shares: dict[int, Fraction], there: dict[int, int], size: int | None) -> dict[int, int]:
    """Rows of each generation: the largest total, at most `size`, that keeps the shares; rounded by largest remainder.

    Args:
        shares: positive, by generation.
        there: rows of each generation.
        size: None for no bound.
    """
    whole = sum(shares.values())
    if not shares:
        return {}
    possible = min(Fraction(there.get(number, 0)) * whole / share for number, share in shares.items())
    total = int(possible) if size is None else min(size, int(possible))
    exact = {number: total * share / whole for number, share in shares.items()}
    quotas = {number: int(value) for number, value in exact.items()}
    # ties go to the lower generation
    by_remainder = sorted(shares, key=lambda number: (quotas[number] - exact[number], number))
    for number in by_remainder[: total - sum(quotas.values())]:
        quotas[number] += 1
    return quotas
