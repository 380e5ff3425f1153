"""The Evolver: which operation is drawn, and that a draw depends on nothing but its purpose."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evol.draws import draw_fraction, draw_integer
from evol.evolver import build_evolve_messages, choose_operation
from evol.packs import load_pack
from evol.responder import build_response_messages

PACK = load_pack("general", "full", {})


def compute_chi_square(counts: Counter[str], expected: dict[str, float]) -> float:
    """Pearson's statistic of drawn counts against expected ones."""
    return sum((counts[name] - wanted) ** 2 / wanted for name, wanted in expected.items())


@pytest.mark.parametrize("random_seed", [0, 1, 2**40])
def test_the_six_operations_are_drawn_evenly(random_seed: int) -> None:
    """1/6 each (the paper); chi-square with 5 degrees of freedom stays below the 0.1 % point, 20.5."""
    counts = Counter(choose_operation(PACK, random_seed, f"s{n}", g).name for n in range(1500) for g in range(1, 5))
    assert len(counts) == 6
    assert compute_chi_square(counts, dict.fromkeys(counts, 1000.0)) < 20.5


def test_each_generation_is_even_and_independent_of_the_one_before() -> None:
    """All 36 pairs of operations in generations 1 and 2 are equally likely (35 degrees of freedom: 66.6)."""
    pairs = Counter(
        f"{choose_operation(PACK, 0, f's{n}', 1).name} {choose_operation(PACK, 0, f's{n}', 2).name}"
        for n in range(7200)
    )
    assert len(pairs) == 36
    assert compute_chi_square(pairs, dict.fromkeys(pairs, 200.0)) < 66.6


def test_weights_are_shares() -> None:
    """Weights 1 and 3 give a quarter and three quarters, and weight 0 never."""
    names = [operation.name for operation in PACK.operations]
    weights = dict.fromkeys(names, 0.0) | {"deepen": 1.0, "breadth": 3.0}
    pack = load_pack("general", "full", weights)
    counts = Counter(choose_operation(pack, 0, f"s{n}", 1).name for n in range(4000))
    assert compute_chi_square(counts, {"deepen": 1000.0, "breadth": 3000.0}) < 10.8
    assert set(counts) == {"deepen", "breadth"}


def test_the_formats_are_drawn_evenly_and_anew_each_generation() -> None:
    """`complicate_input` names each of the six formats equally often."""
    operation = next(each for each in PACK.operations if each.formats)
    counts: Counter[str] = Counter()
    for n in range(1000):
        first, second = (
            build_evolve_messages(operation, "x", 0, f"s{n}", generation)[-1]["content"].splitlines()[0]
            for generation in (1, 2)
        )
        counts.update([first, second])
        counts["changed"] += first != second
    changed = counts.pop("changed")
    assert set(counts) == {f"Format: {name}" for name in operation.formats}
    assert compute_chi_square(counts, dict.fromkeys(counts, 2000 / 6)) < 20.5
    assert 760 < changed < 900  # five sixths


def test_a_draw_is_pinned() -> None:
    """These draws stand in journals of released versions: they may never change."""
    assert [choose_operation(PACK, 0, "starter-01", generation).name for generation in (1, 2, 3, 4)] == PINNED
    assert draw_integer(0, "operation", "starter-01", 1) == PINNED_INTEGER


PINNED = ["breadth", "increase_reasoning", "increase_reasoning", "breadth"]
PINNED_INTEGER = 16620539740350179666


@settings(deadline=None, max_examples=100, database=None)
@given(random_seed=st.integers(), seed_id=st.text(max_size=20), generation=st.integers(min_value=0, max_value=100))
def test_a_draw_is_a_function_of_its_purpose(random_seed: int, seed_id: str, generation: int) -> None:
    """The same purpose gives the same draw in [0, 1), in whatever order draws are made."""
    first = draw_fraction(random_seed, "operation", seed_id, generation)
    draw_fraction(random_seed, "operation", seed_id, generation + 1)
    assert first == draw_fraction(random_seed, "operation", seed_id, generation)
    assert 0 <= first < 1
    assert first != draw_fraction(random_seed, "format", seed_id, generation)


@pytest.mark.parametrize(
    ("one", "other"), [(("a", "bc"), ("ab", "c")), (("a", 1), ("a1",)), (("1:a",), ("a",)), (("", "a"), ("a", ""))]
)
def test_purposes_do_not_run_together(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> None:
    """Where one part ends and the next begins makes a difference."""
    assert draw_integer(0, *one) != draw_integer(0, *other)


def test_the_responder_is_asked_the_instruction_alone() -> None:
    """One user message; a system message only where one is configured."""
    user = {"role": "user", "content": "{{instruction}} [[system]] x"}
    assert build_response_messages(user["content"], "") == [user]
    assert build_response_messages(user["content"], "Brief.") == [{"role": "system", "content": "Brief."}, user]
