"""The rules of the profile `strict` at their edges: the last text that lives and the first that dies, and what is told.

What is told is the `detail` of a row of `eliminated.jsonl`: what exactly the rule saw, for a human reader.
"""

from __future__ import annotations

import pytest

from evol.config import EliminatorConfig
from evol.eliminator import Evolution, Response, check_instruction, check_response
from evol.packs import Kind
from evol.records import Reason

STRICT = EliminatorConfig()
NO = "I cannot help with that."
REFUSES = "refuses: 'i cannot help'"
PLEASE = "Please provide the text."
ASKS = "asks back: 'please provide'"


def respond(task: str, response: str) -> tuple[Reason, str] | None:
    """The reason that eliminates a response, with what is told of it."""
    return check_response(Response(task, response, "stop", False, STRICT))


def evolve(parent: str, child: str, kind: Kind = "in-depth") -> tuple[Reason, str] | None:
    """The same of an evolution."""
    return check_instruction(Evolution(child, "stop", False, (parent,), (), "deepen", kind, STRICT))


def words(number: int) -> str:
    """So many words that say nothing."""
    return " ".join(f"w{each}" for each in range(number))


def list_virtues(number: int) -> str:
    """So many words of advice, which no rule takes for a loop."""
    virtues = ["patience", "kindness", "honesty", "courage", "mercy", "charity", "modesty", "wisdom", "justice"]
    listed: list[str] = []
    for each in range(number):
        letters = f"{chr(97 + each % 26)}{chr(97 + each // 26)}"
        listed += ["the", virtues[each % 9], "of", virtues[each * 5 % 9] + letters]
    return " ".join(listed[:number])


def preach(number: int) -> str:
    """A refusal of so many words that gives nothing but advice."""
    return f"{NO} Please consult a qualified professional about {list_virtues(number - 11)}."


@pytest.mark.parametrize(
    ("response", "dies"),
    [
        (f"{words(25)}. {NO}", True),
        (f"{words(26)}. {NO}", False),
        (f"{NO} {words(85)}.", True),
        (f"{NO} {words(86)}.", False),
        (f"{NO[:-1]}, but {words(39)}.", True),
        (f"{NO[:-1]}, but {words(40)}.", False),
        (f"{NO} {'m' * 8} {words(43)} but yes.", True),  # 160 characters behind the refusal are looked at
        (f"Somebody said: {NO}", False),
        (f"Somebody said:  {NO}", False),
        (f'He said "{NO}" and left.', False),
        (f"He said “{NO}” and left.", False),
        (f'A "tide" is high. {NO}', True),
        (f'"{NO}', True),
        (f"“{NO}", True),
        (f'."{NO}" is what he said.', False),
        (f".“{NO}” is what he said.", False),
        ("Tides come twice a day, and something pulls them.", False),
        ("Leider kann ich dabei nicht helfen.", True),
    ],
)
def test_a_refusal_opens_a_response_that_gives_nothing_else(response: str, dies: bool) -> None:
    """Within 25 words, in up to 90 words; up to 45 where a "but" follows; in nobody else's mouth."""
    assert bool(respond("Explain tides.", response)) is dies


@pytest.mark.parametrize(
    ("response", "dies"),
    [
        (preach(91), True),
        (preach(200), True),
        (preach(201), False),
        (f"Oh dear, tides of all days: {preach(110)}", False),
        (f"Oh dear, of all the days, {preach(110)}", True),  # six words before
        (f"Oh dear, on one of all days, {preach(110)}", False),
        (preach(110).replace("Please consult a qualified professional", "Please do think quite well"), False),
        (f"{preach(110)}\nThe moon pulls the sea.", False),
        (f"{preach(110)}\n", True),
        (f"{preach(110)} The moon pulls for 6 hours.", False),
        (f"{preach(110)} But the moon pulls the sea.", False),
    ],
)
def test_a_sermon_is_a_refusal(response: str, dies: bool) -> None:
    """Up to 200 words of advice that send the reader elsewhere, and no lines, numbers or "but" with something else."""
    assert respond("Explain tides.", response) == (("refusal", REFUSES) if dies else None)


@pytest.mark.parametrize(
    ("task", "response", "dies"),
    [
        ("Write a dialogue about tides.", "I cannot help with your request.", True),
        ("Write a dialogue about tides.", "I cannot help with the anchor.", False),
        ("Write a dialogue about tides.", f"I cannot help with your request. {words(54)}.", True),
        ("Write a dialogue about tides.", f"I cannot help with your request. {words(55)}.", False),
        ("Write a dialogue about tides.", "Ann: I cannot help with your request.", False),
        ("Write a dialogue about tides.", "I cannot help with your request.\nSo it goes.", False),
        ("Write a dialogue about tides.", "I cannot help with your request.\n", True),
        ("Translate this: no puedo ayudar", "I cannot help with your request.", False),
        ("Write a letter that declines an invitation.", NO, False),
        ("Do I decline? Write: yes or no", NO, True),
        ("Write: do I decline?", NO, False),
        ("Say no to my friend.", NO, False),
        ("How do I say no to my friend?", NO, True),
        ("How do I say no to my friend?", f"{NO} {words(35)}.", True),
        ("How do I say no to my friend?", f"{NO} {words(36)}.", False),
        ("How do I say no to my friend?", f"Dear Ann, dear Ben, {NO}", True),
        ("How do I say no to my friend?", f"Dear Ann, dear old Ben, {NO}", False),
    ],
)
def test_where_a_refusal_is_the_product(task: str, response: str, dies: bool) -> None:
    """Somebody in a text may refuse and a text may say no; the model may not refuse the request for it."""
    assert respond(task, response) == (("refusal", REFUSES) if dies else None)


@pytest.mark.parametrize(
    ("response", "detail"),
    [
        (f"{words(5)} {PLEASE}", ASKS),
        (f"{words(6)} {PLEASE}", None),
        (f"Sure! {words(24)} {PLEASE}", ASKS),
        (f"Sure! {words(25)} {PLEASE}", None),
        (f"¡Sure! {words(24)} {PLEASE}", ASKS),
        ("水火木金土日月山川田" + "请提供您的文章。", "asks back: '请提供'"),
        ("水火木金土日月山川田人" + "请提供您的文章。", None),
        (f"{PLEASE} {words(106)}.", ASKS),
        (f"{PLEASE} {words(107)}.", None),
        (f"{PLEASE} {' '.join(f'oceanographically{n}' for n in range(10, 53))} {'m' * 14}.", ASKS),  # 900 characters
        (f"{PLEASE} {' '.join(f'oceanographically{n}' for n in range(10, 53))} {'m' * 15}.", None),
        ("Sure! Which tide?", "acknowledges, and asks back"),
        ("Sure, which tide?", "acknowledges, and asks back"),
        (f"Sure! Which {words(38)}?", "acknowledges, and asks back"),
        (f"Sure! Which {words(39)}?", None),
        (f"Sure! {words(8)}. Which tide?", "acknowledges, and asks back"),
        (f"Sure! {words(9)}. Which tide?", None),
        (f"Sure, {words(12)}. Which tide?", "acknowledges, and asks back"),
        ("Sure! Tides.", None),
        ("Which tide?", "is nothing but a question"),
        (f"Which tide {words(28)}?", "is nothing but a question"),
        (f"Which tide {words(29)}?", None),
        ("Which tide? Whose?", "is nothing but a question"),
        ("Tides. Which tide?", None),
        ('"Which tide?"', "is nothing but a question"),
        ('He asks "which tide?"', None),
        ("Please provide the text: ____", None),
        ("Dear Ann, please provide the text.", None),
    ],
)
def test_asking_back_has_an_edge(response: str, detail: str | None) -> None:
    """A request near the beginning of a short reply, a question after an acknowledgement, or a question alone."""
    task = "解释潮汐。" if response[0] == "水" else "Explain tides."
    assert respond(task, response) == (("needs_clarification", detail) if detail else None)


@pytest.mark.parametrize(
    ("task", "response", "dies"),
    [
        ("Draw up an order form.", PLEASE, False),
        ("Write a letter to Ann.", "Hello Ann, please provide the text.", False),
        ("Write a letter to Ann.", "Please provide the text, Ann.", True),
        ("Explain a letter to Ann.", "Please provide the text, Ann.", True),
        ("Ask Ann a question.", PLEASE, False),
        ("Reply to Ann.", PLEASE, False),
        ("Say it in a dialogue.", PLEASE, False),
        ("Say: please provide the tides", PLEASE, False),
        ("Write a line.", "Which tide?", False),
        (" Write a line.", "Which tide?", False),
        ("Rewrite it.", PLEASE, True),
        ("Rewrite: hand me the text", PLEASE, False),
        ("Rewrite: hand me the text", "Please provide the text to rewrite.", True),
        ("Rewrite: hand me the text", f"Please provide the text to rewrite. {words(34)}", True),
        ("Rewrite: hand me the text", f"Please provide the text to rewrite. {words(35)}", False),
        ("Translate: dame el texto", PLEASE, False),
        ("Translate: dame el texto", "Please provide the text to translate.", True),
        ("Rephrase it as a question.", "Please provide the text to rephrase.", True),
    ],
)
def test_where_asking_is_the_product(task: str, response: str, dies: bool) -> None:
    """Forms, messages, interviews and translations ask; what speaks of the work itself asks back."""
    found = respond(task, response)
    assert (found is not None) is dies
    assert not found or found[0] == "needs_clarification"


@pytest.mark.parametrize(
    ("task", "response", "detail"),
    [
        ("Explain tides.", f"How can I help you? {words(35)}", "says 'how can i help'"),
        ("Explain tides.", f"How can I help you? {words(36)}", None),
        ("Explain tides.", f"How can I help you? {'oceanographic ' * 3}{'m' * 238}", "says 'how can i help'"),  # 300
        ("Explain tides.", f"How can I help you? {'oceanographic ' * 3}{'m' * 239}", None),
        ("Explain tides.", f"As an AI language model, I like tides. {words(300)}", "says 'as an ai language model'"),
        ("Write a scene.", "How can I help you?", None),
        ("Write a scene.", "As an AI language model, I like tides.", "says 'as an ai language model'"),
        ("Explain: how can i help", "How can I help you?", None),
        ("Explain robots.", "How can I help you?", None),
        ("Explain robots.", "As an AI language model, I like tides.", None),
    ],
)
def test_talk_of_the_assistant_has_an_edge(task: str, response: str, detail: str | None) -> None:
    """An offer of help is talk where it is all there is, talk of itself always; not where the task is about it."""
    found = respond(task, response)
    assert (found[1] if found and found[0] == "meta_talk" else None) == detail


@pytest.mark.parametrize(
    ("parent", "child", "reason"),
    [
        ("Explain why shops say: how can I help you?", "Explain why shops say: how can I help you today?", None),
        ("Explain tides.", "Explain tides. How can I help you?", "meta_talk"),
        ("Explain robots.", "Explain robots. How can I help you?", None),
        ("Why is it the the the the the the the the?", "Why is it the the the the the the the the, say?", None),
        ("Why is it?", "Why is it the the the the the the the the?", "repetition"),
    ],
)
def test_what_the_parent_shows_is_no_fault(parent: str, child: str, reason: str | None) -> None:
    """Phrases and loops of the parent may stand in its evolution."""
    found = evolve(parent, child)
    assert (found and found[0]) == reason


@pytest.mark.parametrize(
    ("ancestors", "child", "told"),
    [
        (("Name a lake.", "Name a river."), "Name a river", "parent"),
        (("Name a lake.", "Name a river."), "Name a lake", "ancestor"),
        (("Name a lake.", "Name a river.", "Name a sea."), "Name a river", "ancestor"),
        (("Was ist eine Straße?",), "WAS IST EINE STRASSE?", "parent"),
        (("WAS IST EINE STRASSE?",), "Was ist eine Straße?", "parent"),
        (("Was ist eine Straße?",), "Was ist eine Strasse?", None),
        (("Irmak nedir?",), "ırmak nedir?", "parent"),
        (("ırmak nedir?",), "Irmak nedir?", "parent"),
        (("ırmak neden güzel?",), "irmak neden güzel?", "parent"),
        (("Name a lake.",), "Name a leak.", None),
    ],
)
def test_which_ancestor_it_is_the_same_as(ancestors: tuple[str, ...], child: str, told: str | None) -> None:
    """The detail tells the parent from an earlier ancestor; shouting and the Turkish i make no other text."""
    found = check_instruction(Evolution(child, "stop", False, ancestors, (), "deepen", "in-depth", STRICT))
    reason, detail = found or ("", "")
    assert (reason == "unchanged") is (told is not None)
    assert not told or told in detail


TIDES = "Erkläre die Gezeiten und was der Mond mit ihnen zu tun hat, für ein Kind, das am Meer wohnt."
MOON = "Then explain what the moon has to do with all of this, and why."


@pytest.mark.parametrize(
    ("child", "detail"),
    [
        (f"{TIDES} {MOON}", "goes on from de to en"),
        (f"{TIDES} Und noch mehr. {MOON}", "goes on from de to en"),
        (f"{TIDES} Then explain what the moon has to do.", "goes on from de to en"),  # eight words
        (f"{TIDES} Then explain what the moon has done.", None),
        (f"{TIDES} Und dies: {MOON}", None),
        (f"{TIDES} Und dies: eins. {MOON} Und dann: zwei", None),
        (f"{TIDES} Und dies： {MOON}", None),
        (f"{TIDES}\n{MOON}", None),
        (f"{TIDES}\nEins.\n{MOON}\n", None),
        (f"{TIDES} {MOON}: eins", "goes on from de to en"),
        (f"{TIDES} {MOON}\nEins.", "goes on from de to en"),
        (f"{TIDES} Antworte auf Englisch. {MOON}", None),
        (f"{TIDES} Übersetze es. {MOON}", None),
        (f"{TIDES} Und was ist mit dem Wind?", None),
        ("Explain the tides and what the moon has to do with them.", "from de to en"),
    ],
)
def test_where_a_language_changes(child: str, detail: str | None) -> None:
    """A sentence of eight words in another language; what stands behind a colon or a line end is an input."""
    assert evolve(TIDES, child) == (("language_drift", detail) if detail else None)


CHIEN = "le chien dort et le chat est assis sur le toit de la maison"


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        (f"Übersetze: {CHIEN}", f"Translate this please and explain what you did with it: {CHIEN}"),
        (f"Übersetze：{CHIEN}", f"Translate this please and explain what you did with it：{CHIEN}"),
        (f"Übersetze: {CHIEN}: {CHIEN}", f"Translate this please and explain what you did: {CHIEN}: {CHIEN}"),
    ],
)
def test_an_order_to_translate_has_a_language(parent: str, child: str) -> None:
    """Where one translates, the words before the first colon must stay in their language."""
    assert evolve(parent, child) == ("language_drift", "from de to en")


@pytest.mark.parametrize(
    ("parent", "child", "is_empty"),
    [
        ("Was heißt 🐑🐑?", "🐑🐑🐑?", False),
        ("Was heißt das?", "🐑🐑🐑?", False),
        ("Was heißt 🐑🐑?", "🐑🐑🐑", False),
        ("Was heißt das?", "🐑🐑🐑", True),
        ("Was heißt das?", "???", True),
        ("Was heißt 🐑🐑?", "?", True),
    ],
)
def test_pictures_ask_without_words(parent: str, child: str, is_empty: bool) -> None:
    """Emoji are an instruction where they end in a question, or take up those of the parent."""
    found = evolve(parent, child)
    assert (found is not None and found[0] == "empty") is is_empty


@pytest.mark.parametrize(
    ("finish", "cut", "told"),
    [("content_filter", False, "filter"), ("context_overflow", False, "context"), ("length", False, "max_tokens"),
     ("stop", True, "thinking"), ("length", True, "thinking")],
)  # fmt: skip
def test_how_a_reply_ended_is_told(finish: str, cut: bool, told: str) -> None:
    """The detail says what stopped it, so that the setting to change is known."""
    for found in (
        check_instruction(Evolution("Name four.", finish, cut, ("Name three.",), (), "deepen", "in-depth", STRICT)),
        check_response(Response("Name a river.", "The Nile.", finish, cut, STRICT)),
    ):
        assert found is not None
        assert told in found[1]


@pytest.mark.parametrize(
    ("task", "response", "dies"),
    [
        ("Write this line ten times: I will not be late.", "\n".join(["I will not be late."] * 10), False),
        ("Write this line: I will not be late.", "\n".join(["I will not be late."] * 10), True),
        ("Write ten lines about being late.", "\n".join(["I will not be late."] * 10), True),
        ("Write ten lines: I won't be late.", "\n".join(["I won't be late."] * 10), False),
        ("Write the digits of a third.", f"0.{'3' * 90}", False),
        ("Write a third.", f"0.{'3' * 90}", True),
    ],
)
def test_a_loop_that_was_ordered_lives(task: str, response: str, dies: bool) -> None:
    """The task must want repetition and say what is to be repeated, or want digits."""
    found = respond(task, response)
    assert (found is not None) is dies
    assert not found or found[0] == "repetition"
