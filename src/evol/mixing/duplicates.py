"""Which of several like rows stays: exact repeats by digest, near ones by `near`. Within what the gates left."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from evol.mixing.near import NearIndex
from evol.mixing.rows import Facts, RowFiles


def sort_best_first(facts: Facts, files: RowFiles, keep: str) -> list[int]:
    """All rows that are in, those first that stay where several are alike: the deepest, or the earliest."""
    generation = files.generation_of
    order = sort_shuffled(facts)
    order.sort(key=lambda index: generation[facts.file[index]], reverse=keep == "deepest")
    return order


def sort_shuffled(facts: Facts) -> list[int]:
    """All rows that are in, in the order of the mix."""
    return sort_by_order(facts, [index for index in range(len(facts)) if facts.is_in(index)])


def sort_by_order(facts: Facts, rows: list[int]) -> list[int]:
    """Rows, which come in ascending, in the order of the mix."""
    # two stable sorts: keys that are tuples would take three times the memory
    rows.sort(key=facts.tie.__getitem__)
    rows.sort(key=facts.order.__getitem__)
    return rows


def leave_out_exact(facts: Facts, best_first: list[int]) -> None:
    """Of exact repeats the best stays. "Exact" is the instruction, layout and Unicode form aside."""
    by_digest = sorted(best_first, key=facts.digest.__getitem__)
    for _, group in itertools.groupby(by_digest, key=facts.digest.__getitem__):
        best, *others = group
        for index in others:
            facts.leave_out(index, "exact_duplicate", rival=best, similarity=100)


def leave_out_near(facts: Facts, best_first: list[int], near: NearIndex, read: Callable[[int], str]) -> None:
    """A row that repeats a better one that stays is left out."""
    order = [index for index in best_first if facts.is_in(index)]
    for index, rival, similarity in near.find(order, facts.lineage, read):
        facts.leave_out(index, "near_duplicate", rival=rival, similarity=round(100 * similarity))
