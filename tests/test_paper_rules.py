"""The paper's four rules at their edges: what stands just inside and just outside each of them."""

from __future__ import annotations

import pytest

from evol.config import EliminatorConfig
from evol.elimination.paper import check_sorry, check_stop_words, parse_verdict
from evol.eliminator import Case, Response, check_case

SETTINGS = EliminatorConfig()


def respond(task: str, response: str) -> Response:
    """A whole response to a task."""
    return Response(task, response, "stop", False, SETTINGS)


@pytest.mark.parametrize(
    ("task", "response", "is_empty"),
    [
        ("Beschreibe den Fluss.", "und der die", True),
        ("Beschreibe den Fluss.", "und der die den", True),
        ("Beschreibe den Fluss.", "und der", False),  # two words may be a name
        ("Beschreibe den Fluss.", "und nicht der die", False),  # "nicht" is an answer
        ("Beschreibe den Fluss.", "und der die 7", False),
        ("Beschreibe den Fluss.", "und der die €", False),
        ("Wer kommt?", "und der die", False),  # "Sie und er."
        ("Wer kommt?", "und der die den", True),
        ("Name the missing word.", "und der die", False),
        ("Nenne drei Wörter: und der die den", "und der die den", False),  # offered
        ("Beschreibe den Fluss.", "und der die den " * 12 + "und der", True),
        ("Beschreibe den Fluss.", "und der die den " * 12 + "und  der", True),  # 200 characters
        ("Beschreibe den Fluss.", "und der die den " * 12 + "und   der", False),  # more are not looked at
    ],
)
def test_function_words_of_another_language(task: str, response: str, is_empty: bool) -> None:
    """Three words or more that are all function words say nothing, unless they may answer the question."""
    found = check_stop_words(respond(task, response))
    assert found == (f"only {response[:60]!r}" if is_empty else None)


@pytest.mark.parametrize(
    ("task", "response", "is_found"),
    [
        ("Choose the operator: a _ b", "+", False),
        ("Which punctuation mark ends it", "...", False),
        ("Which punctuation mark ends it", "....", True),
        ("Describe the river.", "...", True),
        ("Describe the river.", "The of.", True),
        ("Which letter comes first", "a", False),
        ("Choose between the and of", "Of", False),
        ("Describe the river.", "Of", True),
        ("Fill in the gap", "Of", False),
        ("Fill in the gap", "of the", True),
        ("Fill in the gaps", ", ".join(["of", "the"] * 6), False),
        ("Fill in the gaps", ", ".join(["of", "the"] * 6 + ["in"]), True),
        ("Fill in the gaps", "of\nthe", False),
        ("Describe the river.", "of, the", True),
        ("Is it warm in here?", "It is.", False),
        ("Is it warm in here", "It is.", True),
        ("Is it warm in here?", "That it is.", False),
        ("Is it warm in here?", "That it very is.", True),
        ("Is it warm in here?", "It was.", True),
        ("Warm is it in here?", "It is.", True),
        ("How warm is it?", "Very.", False),
        ("How warm is it?", "Very.\n", False),
        ("How warm is it", "Very.", True),
        ("How warm is it?", "Very as such.", False),
        ("How warm is it?", "Very as it was.", True),
        ("How warm is it?", "It was very.", True),
    ],
)
def test_signs_and_single_letters(task: str, response: str, is_found: bool) -> None:
    """A sign of up to three characters answers a task that wants one."""
    assert (check_stop_words(respond(task, response)) is not None) == is_found


@pytest.mark.parametrize(
    ("response", "is_own"),
    [
        ("Dear Ann, I am sorry that I forgot your birthday.", False),
        ("Sorry, I cannot do that, as an AI language model.", True),  # a phrase of its own, nothing to the user
        ("Sorry for the confusion.", True),  # to the user, without such a phrase
        ("Sorry, I don't understand the question.", True),
    ],
)
def test_whose_sorry_it_is(response: str, is_own: bool) -> None:
    """In a letter the writer may be sorry, the model may not."""
    assert (check_sorry(respond("Write a letter to a friend.", response)) is not None) == is_own


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("I wondered whether they are equal. They are equal.", "equal"),  # what was left open does not count
        ("I wondered if they might be equal.", None),
        ("The question is: equal or not equal.", None),
        ("Is this an equal or an unequal pair? I cannot tell; equal or not, both ask for rivers.", None),
        ("These do not differ: they are equal.", "equal"),  # the "not" stands before the colon
        ("I do not see why anybody would call them equal.", "equal"),  # nor does one far before it deny
        ("They are not at all equal.", "not equal"),
        ("They are not by any means equal.", "not equal"),
        ("They are not what many people call equal.", "equal"),
        ("Is it equal or not equal? They are equal.", "equal"),
        ("not\nEqual", "not equal"),
        ("EQUAL", "equal"),
        ("They are the same.", None),
    ],
)
def test_equal_in_running_text(reply: str, verdict: str | None) -> None:
    """An "equal" is read with the words of its sentence just before it and what follows it."""
    assert parse_verdict(reply) == verdict


LONG = """\
Name a river that flows north. Say where it rises, which towns lie on its banks, how wide it is at
its mouth, who built the oldest bridge over it, what ships carry along it in spring, why fishermen
feared its rapids, and when ice last closed the harbour. Then compare its length with that of one
stream in another country, explain how dams have changed both, list two animals living only there,
and end by telling visitors which month suits walking beside either."""


@pytest.mark.parametrize(
    ("case", "scope", "found"),
    [
        (Case("breadth", "in-breadth", "Name a river.", "Name a lake.", verdict="Equal"), "all", "equal"),
        (Case("breadth", "in-breadth", "Name a river.", "Name a lake.", verdict="Equal"), "auto", None),
        (Case("deepen", "in-depth", "Name a river.", "Name a lake and a river.", verdict="Equal"), "auto", "equal"),
        (Case("deepen", "in-depth", "Name a river.", "Name a lake and a river.", verdict="Equal"), "off", None),
        (Case("deepen", "in-depth", "Name a river.", "Name a lake and a", "length"), "off", "truncated"),
        (Case("deepen", "in-depth", "Name a river.", "Name a lake.", response="<think>A lake"), "off", "truncated"),
        (Case("deepen", "in-depth", "Name a river.", LONG), "off", "too_long"),
        (Case("complicate_input", "in-depth", "Name a river.", LONG), "off", None),
        (Case("breadth", "in-breadth", "Name a river.", LONG), "off", None),
    ],
)
def test_a_case_is_judged_by_all_it_says(case: Case, scope: str, found: str | None) -> None:
    """Operation, kind, verdict and finish reasons all count, each in its own way."""
    eliminated = check_case(case, EliminatorConfig.model_validate({"judge": scope}), ())
    assert (eliminated and eliminated[0]) == found
    assert found != "equal" or (eliminated and eliminated[1] == "the judge says Equal")


@pytest.mark.parametrize(
    ("task", "response", "dies"),
    [
        ("Describe a river.", 'So they said "sorry".', False),
        ("Describe a river.", '"Sorry."', True),
        ("Describe a river.", 'Ok "sorry"', True),  # nothing but the quotation
        ("Describe a river.", 'Yes "sorry"', False),
        ("Describe a river.", "Better safe than sorry.", False),
        ("Name the missing word.", "Sorry", False),
        ("Name the missing word.", "Sorry, no", False),
        ("Name the missing word.", "Sorry, not today", True),
        ("Name a river.", "Sorry", True),
        ("Translate: er bedauerte es", "He was sorry about that.", False),
        ("Translate: er bedauerte es", "Sorry, I don't understand.", True),
        ("Translate: er bedauerte es", '"Sorry, I don\'t understand."', False),
    ],
)
def test_a_sorry_that_is_not_the_models(task: str, response: str, dies: bool) -> None:
    """Quotations, idioms, a word that was asked for and words handed on are no apology to the user."""
    assert (check_sorry(respond(task, response)) is not None) is dies


def test_the_detail_of_a_long_response_is_short() -> None:
    """Of a response of stop words its beginning is told."""
    response = "it is of the " * 10
    assert check_stop_words(respond("Describe the river.", response)) == f"only {response[:60]!r}"
