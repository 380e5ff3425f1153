"""Repairs of a reply: scaffold goes, what belongs to the instruction stays, and no text breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evol.cleaning import clean_instruction, strip_thinking

PARENT = "Name three rivers."
TASK = "Name three rivers that flow north, and say why."

SCAFFOLD = st.sampled_from(
    [
        "<think>",
        "</think>",
        "<new_instruction>",
        "</new_instruction>",
        "Sure!",
        "Sure, here is the rewritten prompt:",
        "#Rewritten Prompt#",
        "**New Instruction:**",
        "```",
        "```text\n",
        '"',
        "“",
        "”",
        "\n",
        "\n\n",
        "Note: I added a constraint.",
        " ",
        "Name a river.",
    ]
)
REPLIES = st.lists(SCAFFOLD | st.text(max_size=8), max_size=8).map("".join)


@pytest.mark.parametrize(
    ("reply", "repair"),
    [
        (f"```\n{TASK}\n```", "fence"),
        (f"```text\n{TASK}\n```", "fence"),
        (f"````markdown\n{TASK}\n````", "fence"),
        (f'"{TASK}"', "quotes"),
        (f"“{TASK}”", "quotes"),
        (f"«{TASK}»", "quotes"),
        (f"「{TASK}」", "quotes"),
        (f"#Rewritten Prompt#:\n{TASK}", "label"),
        (f"#Rewritten Prompt#\n{TASK}", "label"),
        (f"**Rewritten Prompt:** {TASK}", "label"),
        (f"Rewritten Instruction: {TASK}", "label"),
        (f"## New Instruction\n\n{TASK}", "label"),
        (f"[Created Prompt]: {TASK}", "label"),
        (f"The revised question: {TASK}", "label"),
        (f"Here is the rewritten prompt:\n\n{TASK}", "preamble"),
        (f"Sure, here is the rewritten prompt: {TASK}", "preamble"),
        (f"Certainly! Here's a harder version:\n{TASK}", "preamble"),
        (f"Of course. Below is the new instruction:\n{TASK}", "preamble"),
        (f"Sure!\n\n{TASK}", "preamble"),
        (f"Certainly, I can help with that.\n\n{TASK}", "preamble"),
        (f"{TASK}\n\nNote: I added a constraint on the direction.", "note"),
        (f"{TASK}\n\n(Explanation: the original prompt was made more complex.)", "note"),
        (f"{TASK}\n\n**Changes made:** added one requirement.\nAnd another line.", "note"),
    ],
)
def test_scaffold_is_peeled_off_and_named(reply: str, repair: str) -> None:
    """Labels, quotes, fences, preambles and notes go; what is left is the instruction alone."""
    cleaned = clean_instruction(reply, PARENT)
    assert cleaned.text == TASK
    assert repair in cleaned.repairs
    assert not cleaned.truncated


def test_layers_of_scaffold_are_peeled_one_by_one() -> None:
    """Preamble, label, fence and quotes around each other all go, and each is counted."""
    reply = f'Sure, here is the rewritten prompt:\n\n```\n**Rewritten Prompt:** "{TASK}"\n```'
    cleaned = clean_instruction(reply, PARENT)
    assert cleaned.text == TASK
    assert set(cleaned.repairs) == {"preamble", "fence", "label", "quotes"}


@pytest.mark.parametrize(
    "text",
    [
        TASK,
        "```python\nprint(1)\n```",
        "Explain this:\n```\nx = 1\n```\nand this:\n```\ny = 2\n```",
        '"Yes" and "no": when is each polite?',
        "'Tis the season: explain the line.",
        'Translate: "Here is the new prompt" into French.',
        "Sure bets are rare. Why?",
        "Certainly is an adverb. Give three more.",
        "Newton's laws: name them.",
        "Write a letter.\n\nNote: at most 100 words.",
        "Here, in the Alps, which rivers rise?",
        "# Budget\n\nSum the column.",
        "- one\n- two\nWhich is larger?",
        "Note: x = 3. Solve for y.",
        "  ",
        "写一首关于雨的诗，要求押韵。",
        "اكتب قصيدة عن المطر.",
        "बारिश पर एक कविता लिखो।",
        "เขียนบทกวีเกี่ยวกับฝน",
        "비에 대한 시를 써 주세요.",
    ],
)
def test_an_instruction_stays_as_it_is(text: str) -> None:
    """Text that only looks a little like scaffold is no scaffold."""
    cleaned = clean_instruction(text, PARENT)
    assert (cleaned.text, cleaned.repairs) == (text.strip(), ())


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ('"To be or not to be"', '"To be, or not to be: that is the question"'),
        ("New task: sort a list.", "New task: sort a list without recursion."),
        ("Here is a poem: explain it.", "Here is a poem: explain it line by line."),
        ("```\nx = 1\n```", "```\nx = 1\ny = 2\n```"),
        ("Draw.\n\nNote: do not change the prompt.", "Draw a cat.\n\nNote: do not change the prompt."),
    ],
)
def test_what_the_parent_shows_itself_stays(parent: str, child: str) -> None:
    """A parent with quotes, a label or a fence keeps them in its evolution."""
    assert clean_instruction(child, parent).text == child


@pytest.mark.parametrize(
    "reply",
    [
        f"<new_instruction>{TASK}</new_instruction>",
        f"<new_instruction>\n{TASK}\n</new_instruction>\n\nI made it harder.",
        f"Here it is.\n<NEW_INSTRUCTION>{TASK}</NEW_INSTRUCTION>",
        f"<new_instruction>\n{TASK}",
        f"Sure!\n<new_instruction>{TASK}",
        f'<new_instruction>"{TASK}"</new_instruction>',
    ],
)
def test_text_between_the_markers_is_taken(reply: str) -> None:
    """What stands outside the markers goes; a forgotten closing one does no harm."""
    assert clean_instruction(reply, PARENT).text == TASK


def test_a_reply_without_markers_is_taken_whole() -> None:
    """Models that ignore the markers still evolve."""
    assert clean_instruction(f"\n {TASK} \n", PARENT).text == TASK


def test_empty_markers_leave_nothing() -> None:
    """Nothing between the markers is nothing, not the text around them."""
    assert clean_instruction("Here:\n<new_instruction> </new_instruction>", PARENT).text == ""


@pytest.mark.parametrize("tag", ["think", "THINK", "thinking"])
@pytest.mark.parametrize("thought", ["", "short", "many\n\nlines with <b>tags</b>"])
def test_closed_thinking_is_removed(tag: str, thought: str) -> None:
    """A leading block of thoughts goes, whatever is in it."""
    cleaned = strip_thinking(f"\n<{tag}>{thought}</{tag}>\n\n{TASK}\n")
    assert (cleaned.text, cleaned.repairs, cleaned.truncated) == (TASK, ("thinking",), False)


@pytest.mark.parametrize("reply", ["<think>", "<think>\nI will", " \n<Thinking>so <new_instruction>x"])
def test_unclosed_thinking_is_truncated(reply: str) -> None:
    """Thoughts that never end hold no instruction and no response."""
    for cleaned in (strip_thinking(reply), clean_instruction(reply, PARENT)):
        assert (cleaned.text, cleaned.truncated) == ("", True)


@pytest.mark.parametrize("reply", ["How is <think> parsed?", "A <think>b</think> c", "<thinker>x</thinker>", "think x"])
def test_thinking_elsewhere_is_text(reply: str) -> None:
    """Only a leading block is the model's own."""
    assert strip_thinking(reply) == strip_thinking(f" {reply}\n")
    assert (strip_thinking(reply).text, strip_thinking(reply).repairs) == (reply, ())


def test_every_leading_block_of_thinking_is_removed() -> None:
    """A model that thinks twice before it speaks leaves no thought in a row."""
    assert strip_thinking("<think>one</think>\n<think>two</think>\nYes.").text == "Yes."


@pytest.mark.parametrize("filler", ["\n", "\n ", " ", "*", "#", "\n(", "<new_instruction>", '"', "sure "])
def test_a_degenerate_reply_is_cleaned_in_linear_time(filler: str) -> None:
    """A model that repeats itself for megabytes does not stop the event loop; a quadratic pattern would hang here."""
    cleaned = clean_instruction("a" + filler * 50_000 + "b", PARENT)
    assert cleaned.text.endswith("b")


@settings(deadline=None, max_examples=300, database=None)
@given(reply=REPLIES, parent=st.sampled_from([PARENT, '"Quoted."', "New task: x"]) | st.text(max_size=10))
def test_cleaning_is_total_and_only_removes(reply: str, parent: str) -> None:
    """Any reply gives a stripped piece of itself."""
    cleaned = clean_instruction(reply, parent)
    assert cleaned.text in reply
    assert cleaned.text == cleaned.text.strip()
    assert not (cleaned.truncated and cleaned.text)


@settings(deadline=None, max_examples=300, database=None)
@given(reply=REPLIES.filter(lambda reply: "<" not in reply))
def test_cleaning_twice_is_cleaning_once(reply: str) -> None:
    """What is left shows no further scaffold (markers and thoughts aside, which are taken once)."""
    once = clean_instruction(reply, PARENT).text
    assert clean_instruction(once, PARENT).text == once
