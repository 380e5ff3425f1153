"""The rule `answered`, sign by sign: what tells an answer from an instruction, and what is left alone."""

from __future__ import annotations

import pytest

from evol.config import EliminatorConfig
from evol.eliminator import Evolution, check_instruction

STRICT = EliminatorConfig()
CAPITAL = "What is the capital of Peru?"
WHY = "What is the capital of Peru, and why?"
PAIR = "is a question with its answer"
REPEATED = "repeats the instruction and answers it"
SILENT = "asks for nothing, while its parent does"
FRUIT = "Name a fruit."
BREAD = "How do I bake bread?"
JOKE = "Tell me a joke about cats."
POEM = "Write a poem about the sea."
WAVES = "The sea is wide,\nthe waves roll in and foam,\nthe clouds are far and white,\n"


def find_answer(parent: str, child: str) -> str | None:
    """What the rule saw; no other rule may eliminate the evolution."""
    found = check_instruction(Evolution(child, "stop", False, (parent,), (), "breadth", "in-breadth", STRICT))
    assert not found or found[0] == "answered"
    return found and found[1]


@pytest.mark.parametrize(
    ("parent", "child", "told"),
    [
        (CAPITAL, f"{WHY}\n\nThe capital of Peru is Lima.", PAIR),
        (CAPITAL, f"{WHY}  \n\nThe capital of Peru is Lima.\n\nThe sea is near.", PAIR),
        (CAPITAL, f"{WHY}\n\nThe capital of Peru is Lima. Is it?", None),
        (CAPITAL, f"{WHY} Fix this code.\n\nThe capital of Peru is Lima.", None),
        (CAPITAL, f"{WHY}\n\nThe weather of Peru is mild.", None),
        (CAPITAL, f"{WHY}\n\nThe capital of Peru stands by the sea.", None),
        (CAPITAL, f"{WHY}\n\nThe capital of Peru is `Lima`.", None),
        ("Name the capital of Peru.", f"{CAPITAL}\n\nThe capital of Peru is Lima.", None),
        ("Who rules Peru?", "Who rules Peru now?\n\nPeru is ruled by Ann.", None),
        (FRUIT, f"{FRUIT} Apple.", REPEATED),
        (FRUIT, f"{FRUIT} apple.", None),
        (FRUIT, f"{FRUIT} Apple", None),
        (FRUIT, f"{FRUIT} Apple pie.", None),
        (FRUIT, f"{FRUIT} A{'b' * 8}{'c' * 10}{'d' * 10}.", REPEATED),  # 30 characters
        (FRUIT, f"{FRUIT} A{'b' * 9}{'c' * 10}{'d' * 10}.", None),
        (FRUIT, f"{FRUIT} A fruit is sweet.", REPEATED),
        (FRUIT, f"{FRUIT} The sea is sweet.", None),
        (FRUIT, f"{FRUIT} A fruit is `sweet`.", None),
        ("capital of Peru", "The capital of Peru is Lima.", "completes the question to a statement"),
        ("capital of Peru", "Capital of Peru is Lima.", "completes the question to a statement"),
        ("capital of Peru", "The capital of Peru, Lima, lies at the sea.", None),
    ],
)
def test_an_answer_beside_its_question(parent: str, child: str, told: str | None) -> None:
    """A paragraph or a sentence that takes up the words of the question with a verb and something new."""
    assert find_answer(parent, child) == told


@pytest.mark.parametrize(
    ("parent", "child", "told"),
    [
        ("Suggest meals.", "- Bread with butter\n- Soup with rice", "is a list"),
        ("Suggest meals.", "- Bread with butter\nSoup with rice", None),
        ("Suggest meals.", "- Bread with butter\n- Soup with rice\n- Explain why rice is eaten.", "is a list"),
        ("Suggest meals.", "- Bread with butter\n- Explain why rice is eaten.", None),
        ("Suggest meals.", "- Explain why rice is eaten.\n- Explain why bread is eaten.\n- Soup", None),
        (POEM, f"{WAVES}and the wind is loud.", "is written in verses"),
        ("Write a haiku on rain.", "The sea is wide,\nthe waves roll in,\nthe wind is loud.", "is written in verses"),
        (POEM, "The sea is wide,\nthe waves roll in,\nthe wind is loud.", SILENT),
        (POEM, f"{WAVES}and the wind is loud and cold and old and bold{' ' * 28}for us", "is written in verses"),  # 80
        (POEM, f"{WAVES}and the wind is loud and cold and old and bold{' ' * 29}for us", SILENT),
        (POEM, f"Write about the sea.\n{WAVES}", None),
        ("Write an email to Priya.", "Dear Priya,\n\nI missed your lunch. Can we meet?", "opens like a letter"),
        ("Write an email to Priya.", "Dear Priya,\n\nReply to this email.\n\nI missed you.", "opens like a letter"),
        ("Write an email to Priya.", "Dear Priya,\n\nI got this email.", "opens like a letter"),
        ("Write an email to Priya.", "Dear Priya,\n\nI missed your lunch.\n\nReply to this email.", None),
        ("Tell me a story.", "Once upon a time, there was a dragon.", "opens like a story"),
        ("Tell me a story.", "Once upon a time, there was a dragon. Was it sad?", "opens like a story"),
        ("Tell me a story.", "Once upon a time, there was a dragon. Explain why it was sad.", None),
        (JOKE, "Why did the cat sit on the mouse? It had read the manual.", "is the joke"),
        (JOKE, "Why did the cat sit on the mouse? Explain it.", None),
        (JOKE, "Why did the cat sit on the mouse?", None),
        (JOKE, "Why did the cat sit? Why not?", None),
        (JOKE, "Why did the cat\nsit on the mouse? It had read the manual.", None),
        ("Give me a riddle.", "I have keys but open no door. What am I?", "is the riddle"),
        ("Give me a riddle.", "I have keys but open no door. Which door?", None),
        ("Give me a riddle.", "A riddle about keys: what am I?", None),
    ],
)  # fmt: skip
def test_the_product_itself(parent: str, child: str, told: str | None) -> None:
    """The list, poem, letter, story, joke or riddle that was wanted; not one that somebody is to work on."""
    assert find_answer(parent, child) == told


@pytest.mark.parametrize(
    ("parent", "child", "told"),
    [
        (BREAD, "Mix flour and water in a bowl. Knead the dough for ten minutes.", "lists steps"),
        (BREAD, "Mix flour and water in a bowl.", None),
        (BREAD, "Mix flour and water, knead the dough, bake it.", None),
        (BREAD, "Mix flour and water in a bowl. Knead the dough. My oven is old.", None),
        (BREAD, "Bake flour and water in a bowl. Knead the dough for ten minutes.", None),
        (BREAD, "Mix flour and water in a bowl. Knead the dough `x`.", None),
        (BREAD, "Mix flour and water in a poem. Knead the dough.", None),
        (BREAD, "First, mix flour and water. Then knead the dough.", "tells how to do it"),
        (BREAD, "To bake bread, mix flour and water. Then knead it.", "tells how to do it"),
        ("Explain bread.", "To bake bread, mix flour and water. Then knead it.", None),
        ("Write it.", "Winter haiku", SILENT),
        ("Write it.", "A haiku about winter", None),
        ("Write it.", "Three poems about winter", None),
        ("Write it.", "3 poems about winter", None),
        ("Write it.", "Poem about winter", None),
        ("Name planets.", "Mercury, Venus and Earth", SILENT),
        (FRUIT, "Red apple pie", SILENT),
        (FRUIT, "Red old apple pie", None),
        ("Write a slogan for a bakery.", "Fresh bread every morning for all of us", SILENT),
        ("Explain a slogan for a bakery.", "Fresh bread every morning for all of us", None),
        ("Write something for a bakery.", "Fresh bread every morning for all of us", None),
        ("Write a slogan for a bakery.", "Fresh slogan every morning for all of us", None),
    ],
)
def test_what_asks_for_nothing(parent: str, child: str, told: str | None) -> None:
    """Steps where the parent asks how, and words that want nothing; not what names the text that it wants."""
    assert find_answer(parent, child) == told
