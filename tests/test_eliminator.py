"""The Eliminator: each rule from both sides, in many scripts, and verdicts in many spellings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evol.config import EliminatorConfig
from evol.elimination.texts import count_words
from evol.eliminator import (
    INSTRUCTION_RULES,
    RESPONSE_RULES,
    Case,
    Evolution,
    Response,
    build_judge_messages,
    check_case,
    check_instruction,
    check_response,
    needs_judge,
    parse_verdict,
)
from evol.packs import load_pack
from evol.records import REASONS

PACK = load_pack("general", "full", {})

TEXTS = {
    "Chinese": ("请写一首关于雨的诗。", "请写一首关于雨的五言诗，并解释每一句的意思。", "春雨润无声。"),
    "Japanese": ("川の名前を三つ挙げて。", "北へ流れる川の名前を三つ挙げ、理由も述べて。", "ナイル川です。"),
    "Arabic": ("اذكر ثلاثة أنهار.", "اذكر ثلاثة أنهار تجري شمالًا مع ذكر السبب.", "النيل هو أشهرها."),
    "Hebrew": ("מנה שלושה נהרות.", "מנה שלושה נהרות שזורמים צפונה והסבר מדוע.", "הנילוס."),
    "Hindi": ("तीन नदियों के नाम बताओ।", "उत्तर की ओर बहने वाली तीन नदियों के नाम और कारण बताओ।", "नील नदी।"),
    "Bengali": ("তিনটি নদীর নাম বলো।", "উত্তরে বয়ে যাওয়া তিনটি নদীর নাম ও কারণ বলো।", "নীল নদ।"),
    "Tamil": ("மூன்று ஆறுகளைக் கூறு.", "வடக்கே பாயும் மூன்று ஆறுகளைக் காரணத்துடன் கூறு.", "நைல் நதி."),
    "Thai": ("บอกชื่อแม่น้ำสามสาย", "บอกชื่อแม่น้ำสามสายที่ไหลไปทางเหนือ พร้อมเหตุผล", "แม่น้ำไนล์"),
    "Korean": ("강 이름 세 개를 말해 줘.", "북쪽으로 흐르는 강 이름 세 개와 그 이유를 말해 줘.", "나일강입니다."),
    "Russian": ("Назови три реки.", "Назови три реки, текущие на север, и объясни почему.", "Лена."),
    "Greek": ("Πες τρία ποτάμια.", "Πες τρία ποτάμια που κυλούν βόρεια και γιατί.", "Ο Νείλος."),
    "Amharic": ("ሦስት ወንዞችን ጥቀስ።", "ወደ ሰሜን የሚፈሱ ሦስት ወንዞችን ከነምክንያቱ ጥቀስ።", "ዓባይ።"),
    "German": ("Nenne drei Flüsse.", "Nenne drei Flüsse, die nach Norden fließen.", "In der, die, das: am Main."),
    "code": ("Fix it:\n```\nx = 1\n```", "Fix it, and test it:\n```\nx = 1\ny = 2\n```", "```\nx = 2\n```"),
}


STRICT = EliminatorConfig()
PAPER = EliminatorConfig(profile="paper")


def evolve(
    text: str, *ancestors: str, finish: str = "stop", cut: bool = False, settings: EliminatorConfig = STRICT
) -> str | None:
    """The reason that eliminates an instruction, None if it lives."""
    before = ancestors or ("Name three rivers.",)
    found = check_instruction(Evolution(text, finish, cut, before, PACK.labels, "deepen", "in-depth", settings))
    return found[0] if found else None


def answer(
    response: str,
    instruction: str = "Name a river.",
    *,
    finish: str = "stop",
    cut: bool = False,
    settings: EliminatorConfig = STRICT,
) -> str | None:
    """The reason that eliminates a response, None if it lives."""
    found = check_response(Response(instruction, response, finish, cut, settings))
    return found[0] if found else None


@pytest.mark.parametrize("language", TEXTS)
def test_no_rule_kills_a_language(language: str) -> None:
    """An ordinary evolution and response live in any script."""
    parent, child, response = TEXTS[language]
    assert evolve(child, parent) is None
    assert answer(response, child) is None


def test_the_paper_profile_holds_the_papers_rules_and_no_others() -> None:
    """`paper`: sorry, stop_words, prompt_words and the judge, with empty, blocked and too_long_for_model; no more."""
    assert [reason for reason, _ in INSTRUCTION_RULES["paper"]] == [
        *("blocked", "too_long_for_model", "empty", "prompt_words")
    ]
    assert [reason for reason, _ in RESPONSE_RULES["paper"]] == [
        *("blocked", "too_long_for_model", "empty", "sorry", "stop_words")
    ]


def test_strict_is_the_paper_and_more() -> None:
    """Each rule of `paper` is in `strict`, and all rules together know every reason but the judge's."""
    for rules in (INSTRUCTION_RULES, RESPONSE_RULES):
        assert set(rules["paper"]) <= set(rules["strict"])
    known = {reason for rules in (INSTRUCTION_RULES, RESPONSE_RULES) for reason, _ in rules["strict"]}
    assert known == set(REASONS) - {"equal"}


@pytest.mark.parametrize(
    ("child", "reason"),
    [
        ("Name three rivers.", "unchanged"),
        ("The three rivers are the Nile, the Lena and the Ob.", "answered"),
        ("Nenne drei Flüsse, die nach Norden fließen.", "language_drift"),
        ("Name three rivers of the table below.", "missing_input"),
        ("As an AI language model, name three rivers.", "meta_talk"),
        ("Name three rivers and rivers and rivers and rivers and rivers and rivers.", "repetition"),
        (f"Name three rivers {' '.join(f'in land{n}' for n in range(40))}.", "too_long"),
    ],
)
def test_what_strict_adds_lives_in_paper(child: str, reason: str) -> None:
    """The further rules hold in their own profile alone."""
    assert evolve(child) == reason
    assert evolve(child, settings=PAPER) is None


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("I can't help with that.", "refusal"),
        ("Sure! Which river do you mean?", "needs_clarification"),
        ("As an AI language model, I like the Nile.", "meta_talk"),
        ("The Nile is long. " * 9, "repetition"),
    ],
)
def test_what_strict_adds_for_responses_lives_in_paper(response: str, reason: str) -> None:
    """So it is with responses; and a cut reply is judged by what came."""
    assert answer(response) == reason
    assert answer(response, settings=PAPER) is None
    assert answer(response, finish="length", settings=PAPER) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"evolution": "<think>so", "response": None}, "truncated"),
        ({"evolution": "Sure, here is the new instruction:\nName three rivers."}, "unchanged"),
        ({"verdict": "Equal"}, "equal"),
        ({"verdict": "<think>Not Equal?</think>Equal."}, "equal"),
        ({"verdict": "hard to say"}, None),
        ({"response": ""}, "empty"),
        ({"response": "<think>x</think>Sorry, no."}, "sorry"),
        ({"response": "The Nile", "response_finish": "length"}, "truncated"),
        ({"response": None}, None),
    ],
)
def test_a_case_goes_the_way_of_a_lineage(changes: dict[str, str | None], reason: str | None) -> None:
    """Cleaning, instruction rules, judge, response rules: the first that eliminates gives the reason."""
    case = {
        "operation": "deepen",
        "kind": "in-depth",
        "parent": "Name three rivers.",
        "evolution": "<new_instruction>Name three rivers that flow north.</new_instruction>",
        "response": "The Nile, the Lena and the Ob.",
    }
    found = check_case(Case(**{**case, **changes}), STRICT, PACK.labels)  # type: ignore[arg-type]
    assert (found[0] if found else None) == reason


@pytest.mark.parametrize("language", TEXTS)
def test_an_unchanged_instruction_dies_in_any_language(language: str) -> None:
    """Nothing gained is nothing gained, whatever the script."""
    parent, _, _ = TEXTS[language]
    assert evolve(f" {parent.upper()} ", parent) == "unchanged"


@pytest.mark.parametrize(
    ("finish", "cut", "reason"),
    [
        ("stop", False, None),
        ("", False, None),
        ("tool_calls", False, None),
        ("length", False, "truncated"),
        ("stop", True, "truncated"),
        ("content_filter", False, "blocked"),
        ("context_overflow", False, "too_long_for_model"),
    ],
)
def test_how_a_reply_ended_decides_first(finish: str, cut: bool, reason: str | None) -> None:
    """Cut, blocked and overlong replies are told apart from the quality rules, for instruction and response alike."""
    assert evolve("Name four rivers.", finish=finish, cut=cut) == reason
    assert answer("The Nile.", finish=finish, cut=cut) == reason
    if reason:
        assert evolve("", finish=finish, cut=cut) == reason
        assert answer("", finish=finish, cut=cut) == reason


@pytest.mark.parametrize("text", ["", " \n", "...", "***", "-", "```", "\u200b"])
def test_an_instruction_without_words_is_empty(text: str) -> None:
    """No word, no instruction."""
    assert evolve(text) == "empty"


@pytest.mark.parametrize("text", ["2+2?", "π?", "为什么？", "Why?"])
def test_a_short_instruction_is_not_empty(text: str) -> None:
    """One word or number is an instruction."""
    assert evolve(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Name three rivers.",
        "name  three\nrivers",
        '"Name three rivers."',
        "NAME THREE RIVERS!",
        "**Name three rivers.**",
        "“Name three rivers”",
    ],
)
def test_case_space_and_outer_punctuation_are_no_change(text: str) -> None:
    """Equal without asking anybody."""
    assert evolve(text) == "unchanged"


def test_going_back_to_an_ancestor_is_unchanged() -> None:
    """An evolution back to the seed is no step forward."""
    assert evolve("Name three rivers!", "Name three rivers.", "Name three northern rivers.") == "unchanged"


@pytest.mark.parametrize("text", ["Name four rivers.", "Name three rivers. Why?", "Name three, rivers", "(Name) three"])
def test_any_other_text_is_a_change(text: str) -> None:
    """The free rule is exact; what it lets through is the judge's."""
    assert evolve(text) is None


@pytest.mark.parametrize(
    "words",
    [
        "given prompt",
        "Rewritten Prompt",
        "#Rewritten Prompt#",
        "#Created Prompt#",
        "given_prompt",
        "REWRITTEN_PROMPT",
        "<given_instruction>",
        "</new_instruction>",
        "rewritten instruction",
    ],
)
def test_prompt_words_die_unless_the_parent_has_them(words: str) -> None:
    """Words of the evolving prompt are a leak, except where the parent is about them."""
    child = f"Name three rivers in the {words} and explain."
    assert evolve(child) == "prompt_words"
    assert evolve(child, f"What does {words.lower()} mean?") is None
    assert evolve(child, f"What does {words.upper()} mean?") is None


@pytest.mark.parametrize("text", ["Write a prompt for a painter.", "Rewrite the prompt given below.", "A new prompt?"])
def test_talk_about_prompts_is_no_leak(text: str) -> None:
    """Only the very labels count."""
    assert evolve(text, settings=PAPER) is None


def test_the_bundled_labels_are_the_tags_of_the_bundled_prompts() -> None:
    """Every tag that a full prompt puts around a text is a label, so that a leak of it is seen."""
    for tag in ("given_instruction", "new_instruction", "first_instruction", "second_instruction"):
        assert f"<{tag}>" in "".join(each.template.source for each in PACK.operations) + PACK.judge.source
        assert tag in PACK.labels


@pytest.mark.parametrize("words", [79, 80, 81])
def test_sorry_counts_words(words: int) -> None:
    """A response with "sorry" dies below 80 words and lives from 80 on."""
    response = "Sorry, " + " ".join(f"word{number}" for number in range(words - 1))
    assert answer(response) == ("sorry" if words < 80 else None)


@pytest.mark.parametrize("response", ["I'm sorry, I can't.", "SORRY", "I am Sorry.", "对不起 sorry"])
def test_a_short_sorry_dies(response: str) -> None:
    """The paper's second rule."""
    assert answer(response) == "sorry"


@pytest.mark.parametrize("response", ["The sorrybush is a shrub.", "Sorrow came.", "I cannot say."])
def test_a_word_like_sorry_lives(response: str) -> None:
    """Only the whole word counts."""
    assert answer(response) is None


@pytest.mark.parametrize(
    "instruction", ["Write an apology.", "Apologise for the delay.", 'Say "Sorry" in Welsh.', "How do I apologize?"]
)
def test_sorry_lives_where_the_task_is_about_it(instruction: str) -> None:
    """An apology may say sorry."""
    assert answer("I am so sorry for the delay.", instruction) is None


@pytest.mark.parametrize(("threshold", "reason"), [(0, None), (3, None), (4, "sorry"), (100, "sorry")])
def test_the_threshold_is_configurable(threshold: int, reason: str | None) -> None:
    """`eliminator.sorry_words` is the first number of words that lives; 0 switches the rule off."""
    assert answer("Sorry, not today.", settings=EliminatorConfig(sorry_words=threshold)) == reason


@pytest.mark.parametrize(
    "response",
    [
        "42",
        "-1",
        "3.5",
        "x",
        "A",
        "b)",
        "I",
        "Yes",
        "yes.",
        "No",
        "No.",
        "Not.",
        "None",
        "Both",
        "All of them",
        "+",
        "✓",
        "👍",
        "=>",
        "$",
        "²",
        "٤٢",
        "是",
        "不",
        "ใช่",
        "हाँ",
        "네",
        "نعم",
        "Of course.",
        "He did.",
    ],
)
def test_a_short_answer_lives(response: str) -> None:
    """Yes, no, a number, a letter, a symbol: whole answers all of them."""
    assert answer(response) is None


@pytest.mark.parametrize(
    "response", ["...", "!?", "-", "* * *", "The.", "It is.", "and so on, and so on…", "of the", "。"]
)
def test_punctuation_and_stop_words_die(response: str) -> None:
    """The paper's third rule."""
    assert answer(response) == "stop_words"


@pytest.mark.parametrize("response", ["", " \n\t", "\u00a0"])
def test_no_response_is_empty(response: str) -> None:
    """Nothing is told apart from stop words."""
    assert answer(response) == "empty"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("one two", 2),
        ("don't", 2),
        ("snake_case", 2),
        ("3.14", 2),
        ("naïve cafe\u0301", 2),
        ("雨が降る", 4),
        ("雨 rain", 2),
        ("나일강 이름", 2),
        ("हिन्दी भाषा", 2),
        ("مُدَرِّس", 1),
        ("…!?", 0),
    ],
)
def test_words_are_counted_in_any_script(text: str, words: int) -> None:
    """Runs of letters and digits with their marks; each character where a script writes no spaces."""
    assert count_words(text) == words


@pytest.mark.parametrize(
    ("scope", "kind", "asked"),
    [
        ("in-depth", "in-depth", True),
        ("in-depth", "in-breadth", False),
        ("all", "in-depth", True),
        ("all", "in-breadth", True),
        ("off", "in-depth", False),
        ("off", "in-breadth", False),
    ],
)
def test_who_is_judged(scope: str, kind: str, asked: bool) -> None:
    """A brand-new sibling needs no comparison with its parent unless configured."""
    assert needs_judge(kind, scope) is asked  # type: ignore[arg-type]


def test_a_reask_adds_one_line() -> None:
    """The second question is the first with a reminder, so that its request differs."""
    first, second = (build_judge_messages(PACK, "A", "B", is_reask=reask) for reask in (False, True))
    assert second[-1]["content"] == f"{first[-1]['content']}\n{PACK.reask}"
    assert second[:-1] == first[:-1]


@pytest.mark.parametrize(
    "reply",
    [
        "Equal",
        "equal",
        "EQUAL.",
        " **Equal** ",
        "`Equal`",
        '"Equal"',
        "Equal\n",
        "Verdict: Equal",
        "They are equal.",
        "<Equal>",
        "Equal. They ask the same.",
        "The two instructions are equal in every respect.",
        "- Equal",
    ],
)
def test_equal_in_many_spellings(reply: str) -> None:
    """What says equal eliminates."""
    assert parse_verdict(reply) == "equal"


@pytest.mark.parametrize(
    "reply",
    [
        "Not Equal",
        "not equal",
        "NOT EQUAL.",
        "**Not Equal**",
        "Not  Equal",
        "Not-Equal",
        "Not_Equal",
        '"Not Equal"',
        "Verdict: Not Equal",
        "Not Equal. The second adds a limit.",
        "They are not equal.",
        "They aren't equal.",
        "They aren’t equal",
        "Unequal",
        "They are unequal.",
        "Non-equal",
        "Not quite equal.",
        "not at all equal",
        "They are never equal.",
        "Neither is equal to the other.",
        "These cannot be considered equal.",
        "**Not** Equal",
        "Not *Equal*",
        "It can not be called equal",
        "They are no longer equal.",
    ],
)
def test_not_equal_in_many_spellings(reply: str) -> None:
    """Testing for "equal" also matches "Not Equal"; none of these may be read as equal."""
    assert parse_verdict(reply) == "not equal"


@pytest.mark.parametrize(
    "reply",
    ["", " ", "Yes", "I cannot decide.", "Equal\nNot Equal", "Equal or Not Equal", "equality", "Equation", "相同"],
)
def test_an_unclear_verdict_is_none(reply: str) -> None:
    """What cannot be read is asked again, never guessed."""
    assert parse_verdict(reply) is None


@pytest.mark.parametrize(
    "reply", ["NotEqual", '{"verdict": "NotEqual"}', '{"equal": false}', "Not\nEqual", "Equal? No."]
)
def test_a_denial_is_never_read_as_equal(reply: str) -> None:
    """Better asked again than eliminated by mistake."""
    assert parse_verdict(reply) != "equal"


@settings(deadline=None, max_examples=300, database=None)
@given(reply=st.text() | st.lists(st.sampled_from(["equal", "Not ", "un", ".", "\n", "n't ", " x "])).map("".join))
def test_every_verdict_can_be_parsed(reply: str) -> None:
    """Any text gives equal, not equal or None; a verdict needs the word."""
    verdict = parse_verdict(reply)
    assert verdict in ("equal", "not equal", None)
    assert verdict is None or "equal" in reply.casefold()


@settings(deadline=None, max_examples=300, database=None)
@given(text=st.text(max_size=40), other=st.text(max_size=40), finish=st.sampled_from(["", "stop", "length", "x"]))
def test_the_rules_are_total(text: str, other: str, finish: str) -> None:
    """Any text gets a reason of the closed set, with a detail, or lives."""
    for found in (
        check_instruction(Evolution(text, finish, False, (other,), PACK.labels, "deepen", "in-depth", STRICT)),
        check_response(Response(other, text, finish, False, STRICT)),
    ):
        assert found is None or (found[0] in REASONS and found[1])


@settings(deadline=None, max_examples=200, database=None)
@given(text=st.text(max_size=40))
def test_a_copy_never_lives(text: str) -> None:
    """The parent itself is no evolution."""
    assert evolve(text, text) in ("empty", "unchanged")
