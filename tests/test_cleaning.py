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
        (f"Instruction: {TASK}", "label"),
        (f"Rewritten: {TASK}", "label"),
        (f"[New Task] {TASK}", "label"),
        (f"### Evolved Prompt\n{TASK}", "label"),
        (f"Certainly! {TASK}", "preamble"),
        (f"I have rewritten the prompt:\n{TASK}", "preamble"),
        (f"I've made it more challenging: {TASK}", "preamble"),
        (f"Below is a harder version:\n---\n{TASK}", "preamble"),
        (f"{TASK}\n\nI added a constraint on the direction of the rivers.", "note"),
        (f"{TASK}\n\n---\n\nI added a constraint about the direction.", "note"),
        (f"{TASK}\nNote: I added a constraint.", "note"),
        (f"{TASK}\n\n*This version adds a requirement.*", "note"),
        (f"{TASK}\n\nLet me know if you'd like any changes!", "note"),
        (f"<instruction>{TASK}</instruction>", "markers"),
        (f"<rewritten_prompt>\n{TASK}\n</rewritten_prompt>", "markers"),
        (f"{TASK}</new_instruction>", "markers"),
    ],
)
def test_scaffold_is_peeled_off_and_named(reply: str, repair: str) -> None:
    """Labels, quotes, fences, preambles and notes go; what is left is the instruction alone."""
    cleaned = clean_instruction(reply, PARENT)
    assert cleaned.text == TASK
    assert repair in cleaned.repairs
    assert not cleaned.truncated


@pytest.mark.parametrize(
    ("parent", "task", "replies"),
    [
        (
            "Nenne drei Flüsse.",
            "Nenne drei Flüsse, die nach Norden fließen.",
            [
                "Neue Anweisung: {}",
                "Klar, hier ist die neue Anweisung: {}",
                "{}\n\nIch habe eine Bedingung hinzugefügt.",
            ],
        ),
        (
            "Cite trois fleuves.",
            "Cite trois fleuves qui coulent vers le nord.",
            ["Nouvelle instruction : {}", "Voici la nouvelle instruction : {}", "{}\n\nJ'ai ajouté une contrainte."],
        ),
        (
            "Nombra tres ríos.",
            "Nombra tres ríos que fluyan hacia el norte.",
            [
                "Nueva instrucción: {}",
                "¡Claro! Aquí tienes la nueva versión: {}",
                "{}\n\nNota: He añadido una restricción.",
            ],
        ),
        (
            "Cite três rios.",
            "Cite três rios que correm para o norte.",
            ["Nova instrução: {}", "Claro! {}", "{}\n\nNota: Adicionei uma restrição."],
        ),
        (
            "Nomina tre fiumi.",
            "Nomina tre fiumi che scorrono verso nord.",
            ["Nuova istruzione: {}", "Ecco la nuova istruzione:\n{}", "{}\n\nNota: ho aggiunto un vincolo."],
        ),
        (
            "Назови три реки.",
            "Назови три реки, текущие на север.",
            ["Новая инструкция: {}", "Конечно! Вот новое задание: {}", "{}\n\nПримечание: я добавил ограничение."],
        ),
        (
            "Üç nehir say.",
            "Kuzeye akan üç nehir say.",
            ["Yeni talimat: {}", "Elbette! İşte düzenlenmiş talimat: {}", "{}\n\nNot: Bir koşul ekledim."],
        ),
        (
            "اذكر ثلاثة أنهار.",
            "اذكر ثلاثة أنهار تجري شمالا.",
            ["التعليمات الجديدة: {}", "إليك التعليمات الجديدة:\n{}", "{}\n\nملاحظة: أضفت شرطا جديدا."],
        ),
        (
            "说出三条河流。",
            "说出三条向北流的河流。",
            ["改写后的指令：{}", "好的，这是新的指令：{}", "{}\n\n注：我增加了一个限制条件。"],
        ),
        (
            "川の名前を三つ挙げて。",
            "北へ流れる川の名前を三つ挙げて。",
            ["新しい指示：{}", "以下は書き直した指示です：\n{}", "{}\n\n注：制約を追加しました。"],
        ),
        (
            "강 이름 세 개를 말해 줘.",
            "북쪽으로 흐르는 강 이름 세 개를 말해 줘.",
            ["새로운 지시: {}", "다음은 수정된 지시문입니다:\n{}", "{}\n\n참고: 조건을 추가했습니다."],
        ),
    ],
)
def test_scaffold_is_known_in_many_languages(parent: str, task: str, replies: list[str]) -> None:
    """A label, a preamble and a note, as models of that language write them."""
    for reply in replies:
        assert clean_instruction(reply.format(task), parent).text == task


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
        "Here is my shopping list: milk, eggs, flour. Which cake can I bake?",
        "My cake tastes strange.\n\nI added salt instead of sugar. How can I save it?",
        "Write a letter.\n\nNote: add a title and a date.",
        "Task: sort the list.\nInput: 3, 1, 2",
        "New York or Boston: which is older?",
        "New features: list three for a phone.",
        "Version control: explain it to a novelist.",
        "**Bold move:** explain the idiom.",
        "Of course, not all swans are white: discuss.",
        "Write a poem.\n\nThis version of the poem must not rhyme.",
        "Rewrite my text.\n\nThe new version must keep every fact.",
        "Sort the list.\n\n---\n3, 1, 2",
        "Improve my text.\n\nI have changed jobs and moved to Rome. Please keep both facts.",
        "Voici nos chiffres : 3, 5, 8. Calcule la moyenne.",
        "以下是一段对话：“你好。”请续写。",
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


@pytest.mark.parametrize("between", ["", " ", "\n"])
def test_empty_markers_leave_nothing(between: str) -> None:
    """Nothing between the markers is nothing, not the text around them."""
    assert clean_instruction(f"Here:\n<new_instruction>{between}</new_instruction>", PARENT).text == ""


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


LAYERS = st.sampled_from(
    [
        *("{}", "```\n{}\n```", '"{}"', "“{}”", "**New Instruction:** {}", "#Rewritten Prompt#:\n{}", "Sure! {}"),
        *(
            "Sure, here is the rewritten prompt:\n\n{}",
            "{}\n\nNote: I added a constraint.",
            "<instruction>{}</instruction>",
        ),
        *("Here's a harder version of the task:\n{}", "{}\n\n---\n\nChanges made:\n- one more requirement"),
    ]
)


@settings(deadline=None, max_examples=200, database=None)
@given(layers=st.lists(LAYERS, max_size=4, unique=True))
def test_no_order_of_scaffold_survives(layers: list[str]) -> None:
    """Whatever is wrapped around the instruction, and in whatever order, the instruction alone is left."""
    reply = TASK
    for layer in layers:
        reply = layer.format(reply)
    assert clean_instruction(reply, PARENT).text == TASK


@settings(deadline=None, max_examples=300, database=None)
@given(reply=REPLIES.filter(lambda reply: "<" not in reply))
def test_cleaning_twice_is_cleaning_once(reply: str) -> None:
    """What is left shows no further scaffold (markers and thoughts aside, which are taken once)."""
    once = clean_instruction(reply, PARENT).text
    assert clean_instruction(once, PARENT).text == once
