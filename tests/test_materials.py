"""The material of an instruction: what counts as being there, what as lost, and the measures both rest on."""

from __future__ import annotations

import pytest

from evol.config import EliminatorConfig
from evol.elimination.texts import compile_folded, find_units, level
from evol.eliminator import Evolution, check_instruction

BELOW = "Describe the text below"


def evolve(parent: str, child: str) -> str:
    """What the rules for material tell of an evolution, "" where it has its material."""
    found = check_instruction(Evolution(child, "stop", False, (parent,), (), "deepen", "in-depth", EliminatorConfig()))
    return found[1] if found and found[0] in ("lost_input", "missing_input") else ""


def words(number: int) -> str:
    """So many words that say nothing."""
    return " ".join(f"w{each}" for each in range(number))


@pytest.mark.parametrize(
    ("rest", "is_there"),
    [
        (".", False),
        (" “one two”.", False),
        (" “one two three”.", True),
        (" “  one two  ”.", False),
        (" `x`.", True),
        (" [a, b].", True),
        (". 1, 2", False),
        (". 1, 2, 3", True),
        (", for x = 5", False),
        (". x + 2 = 3", True),
        (": river", False),
        (": river bank", True),
        (": explain it", True),
        (" now: explain it", False),
        (": who came?", True),
        (f" and then: explain {words(10)}", False),
        (f" and then: explain {words(11)}", True),
        (" and answer: river bank", False),
        (". The boat was old and its sail was torn.", False),
        (". The boat was old and its sail had been torn.", True),  # ten words
    ],
)
def test_what_is_pointed_at_is_there(rest: str, is_there: bool) -> None:
    """Code, figures, a quotation of three words, words behind a colon, or ten words that ask for nothing."""
    assert evolve("Do it.", BELOW + rest) == ("" if is_there else "points at 'text below'")


@pytest.mark.parametrize(
    ("parent", "child", "told"),
    [
        (f"{BELOW}.", f"{BELOW} well.", ""),
        (f"{BELOW}: river bank", f"{BELOW} well.", "points at 'text below'"),
        ("Do it.", "Write a letter with the attached photo.", ""),
        ("Do it.", "Describe the attached photo.", "points at 'the attached photo'"),
        ("Do it.", "Translate this text: [insert text here]", "holds a placeholder: '[insert text here]'"),
        ("Do it.", "Translate the text (paste your text here).", "holds a placeholder: '(paste your text here)'"),
        ("Translate [insert text here].", "Translate [insert text here] into French.", ""),
        ("Do it.", "Explain [add two numbers] in code.", ""),
        ("Do it.", "Explain the call (add two numbers) in code.", ""),
    ],
)
def test_what_points_at_nothing(parent: str, child: str, told: str) -> None:
    """References and placeholders, unless the parent has them as well; a letter may speak of what goes with it."""
    assert evolve(parent, child) == told


@pytest.mark.parametrize(
    ("parent", "child", "told"),
    [
        ("Say it well: the old harbour", "Say it in ten words.", ""),  # three words
        ("Say it well: the old harbour burnt", "Say it in ten words.", "lost 'the old harbour burnt'"),
        ("Say it well: the old harbour burnt", "Say how the harbour burnt.", ""),
        ('Explain "old harbour".', "Explain a word.", ""),
        ('Explain "old harbour walls".', "Explain a word.", "lost 'old harbour walls'"),
        ('Explain "old harbour walls".', "Explain old harbours and walls.", ""),
        ("Explain `ls -l`.", "Explain a command.", "lost 'ls -l'"),
        ("Explain {}.", "Explain a sign.", ""),
        ("Sort it: 41, 52, 63.", "Sort a list.", "lost '41 52 63'"),
        ("Add 41 to 52.", "Add two numbers.", ""),
        ("Solve 41 x = 52 y.", "Solve an equation.", "lost '41 52'"),
        ("Add 41, 52 and 63.", "Add 41, 52 and some more.", ""),
        ("Add 41, 52 and 63.", "Add 41 and some more.", "lost '41 52 63'"),
        (
            "Summarize this.\n\nThe old harbour of Dunmore burnt.",
            "Summarize a text.",
            "lost 'the old harbour of dunmore burnt.'",
        ),
        ("Summarize this.\n\nThe old harbour has burnt.", "Summarize a text.", ""),  # five words
        (
            "Summarize this.\n\nThe old harbour of Dunmore has burnt down in the storm of 1790 and all saw the fire.",
            "Summarize a text.",
            "lost 'the old harbour of dunmore has burnt down in the storm of 17'",
        ),
    ],
)
def test_what_is_lost(parent: str, child: str, told: str) -> None:
    """Quotations, code, three figures, a passage behind a colon or in a paragraph, and how much of each may go."""
    assert evolve(parent, child) == told


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("The old harbour walls burnt", {"harbour", "walls", "burnt"}),
        ("The old harbour burnt", {"the", "old", "harbour", "burnt"}),  # too few without the short ones
        ("It is 7 o'clock in été", {"7", "clock", "été"}),
        ("雨が降る", {"雨が", "が降", "降る"}),
        ("雨 rain", {"rain"}),
        ("ab 雨が cd 降る", {"雨が", "が降", "降る"} - {"が降"} | {"ab", "cd"}),
    ],
)
def test_what_a_text_is_recognised_by(text: str, units: set[str]) -> None:
    """Longer words, numbers, letters beyond ASCII and pairs of characters; the short words where few others remain."""
    assert find_units(text) == units


@pytest.mark.parametrize(
    ("text", "levelled"),
    [("It’s İzmir", "it's izmir"), ("Ελλάδα", "ελλαδα"), ("PLAIN", "plain"), ("STRASSE ß", "strasse ß")],
)
def test_a_levelled_text_keeps_its_length(text: str, levelled: str) -> None:
    """Case, apostrophes and Greek accents go; what is found in it stands at the same place in the text."""
    assert level(text) == levelled


def test_patterns_are_folded_like_texts() -> None:
    """Their lines are joined without indentation; their letters are folded, their escapes are not."""
    pattern = compile_folded(
        r"""
        Ελλάδα|stra
        ße\b|\S{4}"""
    )
    assert [match[0] for match in pattern.finditer("ελλαδα strasse abcd")] == ["ελλαδα", "strasse", "abcd"]
