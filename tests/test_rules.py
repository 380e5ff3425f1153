"""The rules of the profile `strict`, each from both sides, in many languages, with code and tables."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evol.config import EliminatorConfig
from evol.eliminator import Case, Evolution, Response, check_case, check_instruction, check_response
from evol.packs import Kind, load_pack
from evol.records import REASONS

LABELS = load_pack("general", "full", {}).labels
STRICT = EliminatorConfig()
SEEDS = Path(__file__).parent.parent / "seeds"

CODE = "```python\ndef mean(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total / len(xs)\n```"
RENAMED = CODE.replace("xs", "values").replace("total", "result")
TABLE = "| Plant | Week 1 | Week 2 |\n|---|---|---|\n| Rose | 12 | 19 |\n| Fern | 10 | 22 |\n| Ivy | 15 | 18 |"
AS_CSV = "Plant,Week 1,Week 2\nRose,12,19\nFern,10,22\nIvy,15,18\nMoss,3,5"
PASSAGE = "The harbour of Dunmore was built in 1790 by fishermen who had lost their boats in a storm."
USEFUL = (
    "Rivers flow downhill, so a river flows north where the land falls to the north. The Nile rises in the "
    "highlands of Ethiopia and reaches the Mediterranean after more than six thousand kilometres. The Lena starts "
    "near Lake Baikal and ends in the Laptev Sea. In each case the watershed lies far to the south, and the coast "
    "is the lowest point. Nothing in the rotation of the earth makes a river prefer one direction, and no magnet "
    "pulls its water. "
)


def evolve(parent: str, child: str, operation: str = "deepen", kind: Kind = "in-depth") -> str | None:
    """The reason that eliminates an evolution, None if it lives."""
    found = check_instruction(Evolution(child, "stop", False, (parent,), LABELS, operation, kind, STRICT))
    return found[0] if found else None


def respond(task: str, response: str) -> str | None:
    """The reason that eliminates a response, None if it lives."""
    found = check_response(Response(task, response, "stop", False, STRICT))
    return found[0] if found else None


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("What is the capital of France?", "The capital of France is Paris."),
        ("What is the capital of France?", "Paris"),
        ("What is 15% of 240?", "15% of 240 is 36."),
        (
            "How do I bake bread?",
            "To bake bread, first mix flour, water and yeast. Then knead the dough and let it rise.",
        ),
        ("How do I bake bread?", "1. Mix flour with water.\n2. Knead the dough.\n3. Bake it for 40 minutes."),
        (
            "How do I bake bread?",
            "Mix flour and water in a bowl. Knead the dough for ten minutes. Bake it until brown.",
        ),
        ("Suggest activities for a rainy day.", "- Bake cookies together\n- Build a fort\n- Watch an old film"),
        ("Write a function that reverses a string.", "```python\ndef reverse(s):\n    return s[::-1]\n```"),
        ("Write a function that reverses a string.", "def reverse(s):\n    return s[::-1]"),
        ("Write a query for all customers.", "SELECT * FROM customers WHERE city = 'Berlin';"),
        ("Fix this code:\n" + CODE, f"The list may be empty. Here is the corrected code:\n\n{CODE}"),
        ("Write a poem about the sea.", "The waves roll in,\nthe gulls cry out,\nthe foam is thin,\nthe wind's about."),
        ("Write an email to Priya.", "Dear Priya,\n\nI missed your lunch. Can we meet on Friday?\n\nBest, Sam"),
        ("Write a dialogue in a bakery.", "Baker: What can I get you?\nAnna: Two rolls, please.\nBaker: Here you are."),
        ("Tell me a story about a dragon.", "Once upon a time, there was a dragon who was afraid of fire."),
        ("Write three quiz questions about Rome.", "1. Who was its first emperor?\n2. When did it fall?"),
        ("Write a tweet about climate change.", "Our climate is changing fast. Every tonne counts. Act now, and vote."),
        ("Translate into French: Where is the station?", "Où est la gare ?"),
        ("Name three fruits.", "Name three fruits that ripen in winter.\n\nAnswer: oranges, kiwis and persimmons."),
        ("What is 6 times 7?", "What is 6 times 7, and half of it? Solution: 42 and 21."),
        ("Name three rivers.", "Name three rivers that flow north.\n\nSure! The Nile, the Lena and the Ob do."),
        ("Why is the sky blue?", "Why is the sky blue? The sky is blue because air scatters blue light."),
        ("What is inflation?", "Inflation is a rise of prices. Would you like to know more?"),
        ("capital of France", "The capital of France is Paris."),
        ("Wie backe ich Brot?", "Um Brot zu backen, mischt man zuerst Mehl und Wasser. Danach knetet man den Teig."),
        ("Cite trois fleuves.", "La Seine, la Loire et le Rhône sont trois fleuves français."),
        ("¿Cuál es la capital de Perú?", "La capital de Perú es Lima."),
        ("Explique a fotossíntese.", "A fotossíntese é o processo pelo qual as plantas usam a luz."),
        ("Come si fa il pane?", "Per fare il pane, mescola farina e acqua. Poi impasta per dieci minuti."),
        ("Wyjaśnij fotosyntezę.", "Fotosynteza to proces, w którym rośliny zamieniają światło w energię."),
        ("Назови три реки.", "Волга, Обь и Лена — три крупные реки России."),
        ("Яка столиця України?", "Столиця України — Київ."),
        ("Fotosentezi açıkla.", "Fotosentez, bitkilerin ışığı enerjiye dönüştürdüğü süreçtir."),
        ("ما هي عاصمة فرنسا؟", "عاصمة فرنسا هي باريس."),
        ("מהי בירת צרפת?", "בירת צרפת היא פריז."),
        ("फ्रांस की राजधानी क्या है?", "फ्रांस की राजधानी पेरिस है।"),
        ("请解释光合作用。", "光合作用是植物利用光能制造糖的过程。"),
        ("光合成を説明してください。", "光合成とは、植物が光を使って糖を作る働きです。"),
        ("광합성을 설명해 주세요.", "광합성은 식물이 빛으로 당을 만드는 과정입니다."),
        ("อธิบายการสังเคราะห์แสง", "การสังเคราะห์แสงคือกระบวนการที่พืชเปลี่ยนแสงเป็นพลังงาน"),
        ("Giải thích quang hợp.", "Quang hợp là quá trình cây biến ánh sáng thành năng lượng."),
        ("Εξήγησε τη φωτοσύνθεση.", "Η φωτοσύνθεση είναι η διαδικασία με την οποία τα φυτά χρησιμοποιούν το φως."),
    ],
)
def test_an_answer_in_place_of_an_instruction_dies(parent: str, child: str) -> None:
    """A reply that answers, or carries an answer along, teaches nothing to ask."""
    assert evolve(parent, child) == "answered"
    assert evolve(parent, child, "breadth", "in-breadth") == "answered"


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("Write a story.", "You are a pirate captain. The crew is about to mutiny, and you have one sentence left."),
        ("Sort a list.", "You are given a list of integers. Return a new one in which all even numbers come first."),
        ("How many remain?", "I have 3 apples and give away one; how many remain"),
        ("Write a script.", "I need a bash one-liner that lists the ten largest files and skips hidden ones."),
        ("Translate: good morning", "Translate into formal Japanese: good morning, Professor"),
        ("Find x.", "For the data 4, 7, 7, 9 find the mean and the median, rounded to two decimals."),
        ("Prove it.", "Let a and b be positive real numbers with ab = 1. Prove that a + b ≥ 2."),
        ("Write a poem.", "A poem about the sea in five lines, without any word for water."),
        ("Write a regex.", "A regex that matches dates like 2024-06-30 but rejects month 13."),
        ("Fix it.", f"Fix this function so that it also handles empty input:\n\n{CODE}"),
        ("Why?", f"My program prints 4.0 instead of 12.0, and I can't figure out why.\n\n{CODE}"),
        ("Plan my day.", 'Plan my day with this data: {"gym": 60, "lunch": "12:30", "call": 30}'),
        ("How do I clean?", "Clean a small kitchen with greasy tiles: which order of steps, and which tools?"),
        ("How do I learn?", "To prepare for an exam in chemistry, write a study plan for two weeks."),
        ("Fill it in.", "Complete the sentence in three ways: If I had known, I ____."),
        ("Quiz me.", "Which gas do plants absorb?\nA) Oxygen\nB) Nitrogen\nC) Carbon dioxide\n\nAnswer: ____"),
        ("Reply.", "Reply to this email:\n\nDear Sam,\nyour invoice is late. Can you send it today?\nBest, Ann"),
        ("Q&A", 'Answer in the format "Answer: X": which planet has the most moons?'),
        ("Explain.", '"Still waters run deep": what does it say about quiet people?'),
        ("Why is the sky blue?", "Why is the sky blue? My daughter is six and hates the word scatter."),
        ("Continue.", "Once upon a time a clock ran backwards. Continue this story in three sentences."),
        ("Invent.", "Concoct a logo for a bakery that opens at night."),
        ("Bake bread.", "Bake bread without a scale, and say how you would know that it is done."),
        ("Nenne drei Flüsse.", "Ein Garten ist doppelt so lang wie breit. Berechne seine Fläche."),
        ("Joue.", "Tu es le capitaine d'un bateau pendant une tempête. Rassure les passagers."),
        ("Planifica.", "Organízame una mudanza con dos gatos, en tres días y con poco dinero."),
        ("Explique.", "Minha avó acha que a nuvem é uma nuvem. Explique a ela onde ficam as fotos."),
        ("Spiega.", "Mia nonna crede che il cloud sia una nuvola. Spiegale dove sono le sue foto."),
        ("Leg uit.", "Mijn oma denkt dat de cloud een wolk is. Leg haar uit waar haar foto's zijn."),
        ("Napisz list.", "Napiszcie list do burmistrza, w którym prosicie o nową ścieżkę rowerową."),
        ("Докажи.", "Докажите, что среди любых шести человек найдутся трое знакомых."),
        ("Поясни.", "Розтлумач школяреві, що таке інфляція, на прикладі пекарні."),
        ("Yaz.", "Ofsaytın olmadığı bir sezonu hayal et ve ilk maçı bir spiker gibi anlat."),
        ("اكتب قصيدة.", "أريد قصيدة من أربعة أبيات عن البحر دون ذكر كلمة الماء."),
        ("כתוב.", "דמיין עונת כדורגל בלי נבדל וספר על המשחק הראשון."),
        ("سه رودخانه نام ببر.", "سه رودخانه نام ببرید که به سمت شمال جریان دارند."),
        ("लिखो।", "बिना ऑफ़साइड वाले सीज़न की कल्पना करो और पहला मैच सुनाओ।"),
        ("写。", "想象一个没有越位规则的赛季，用解说员的口吻讲述第一场比赛。"),
        ("書いて。", "オフサイドのないシーズンを想像し、最初の試合を実況風に語ってください。"),
        ("써 줘.", "오프사이드가 없는 시즌을 상상하고 첫 경기를 해설자처럼 들려줘."),
        ("เขียน", "จินตนาการถึงฤดูกาลที่ไม่มีล้ำหน้า แล้วเล่านัดแรก"),
        ("Viết.", "Hãy tưởng tượng một mùa bóng không có luật việt vị và kể trận đầu tiên."),
        ("Tulis.", "Bayangkan musim sepak bola tanpa offside lalu ceritakan laga pertama."),
        ("Γράψε.", "Φαντάσου μια σεζόν χωρίς οφσάιντ και διηγήσου τον πρώτο αγώνα."),
        ("ሦስት ወንዞችን ጥቀስ።", "ወደ ሰሜን የሚፈሱ ሦስት ወንዞችን ከነምክንያቱ ጥቀስ።"),
    ],
)
def test_an_instruction_of_any_form_is_no_answer(parent: str, child: str) -> None:
    """Statements, roles, noun phrases, puzzles, code to mend: what wants something lives."""
    assert evolve(parent, child) is None


def test_no_bundled_seed_is_taken_for_an_answer() -> None:
    """Every seed asks, whatever other seed of its language it is evolved from."""
    lines = b"".join((SEEDS / f"{name}.jsonl").read_bytes() for name in ("general", "code", "math")).splitlines()
    seeds = [json.loads(line) for line in lines]
    by_language: dict[str, list[str]] = {}
    for seed in seeds:
        by_language.setdefault(seed["language"], []).append(seed["instruction"])
    wrong = [
        (child, reason)
        for texts in by_language.values()
        for parent, child in itertools.pairwise(texts)
        if (reason := evolve(parent, child, "breadth", "in-breadth"))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        (f"Fix this function:\n\n{CODE}", "Fix a function that computes the mean, and make it handle empty lists."),
        (f"Which grew most?\n\n{TABLE}", "Which plant grew most between week 1 and week 2, in relative terms?"),
        (f"Turn this into JSON.\n\n{AS_CSV}", "Turn a CSV of plants into JSON, sorted by growth."),
        ('What is the sum of {"pen": 2, "ink": 7}?', "What is the total price of two items after a discount?"),
        ('Rewrite: "Your report is useless and late."', "Rewrite an angry message so that the tone is respectful."),
        ("Correct: She go to school yesterday and buyed two apple.", "Correct a sentence and explain every change."),
        (f"Summarize this.\n\n{PASSAGE}", "Summarize this in at most twelve words and give it a title."),
        ("Sort these numbers: 5, 3, 9, 1, 12.", "Sort a list of numbers in descending order."),
        ("Solve x^2 - 5x + 6 = 0.", "Solve a quadratic equation by completing the square."),
        ("What does https://example.org/report say?", "What does a report say about fish?"),
        ("Erkläre: `grep -rn TODO src | wc -l`", "Erkläre einen Befehl, der Zeilen in einem Ordner zählt."),
        ("用英语翻译：我昨天在图书馆丢了一把红色的雨伞。", "把一个中文句子翻译成英语，并说明时态的选择。"),
    ],
)
def test_an_input_that_disappears_eliminates(parent: str, child: str) -> None:
    """Without its code, table or passage the task is another one; a sibling in breadth brings its own."""
    assert evolve(parent, child) == "lost_input"
    assert evolve(parent, child, "breadth", "in-breadth") != "lost_input"


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        (f"Fix this function:\n\n{CODE}", f"Fix this function so that it handles empty lists:\n\n{RENAMED}"),
        (f"Which grew most?\n\n{TABLE}", f"Which plant grew most in relative terms?\n\n{AS_CSV}"),
        (f"Summarize this.\n\n{PASSAGE}", f"Summarize this in twelve words.\n\n{PASSAGE}"),
        ("Sort these numbers: 5, 3, 9, 1, 12.", "Sort 5, 3, 9, 1 and 12 in descending order."),
        ("Solve x^2 - 5x + 6 = 0.", "Solve x² − 5x + 6 = 0 by completing the square, and check both roots."),
        ('Explain "affect" and "effect".', 'Explain the difference between "affect" and "effect" with examples.'),
        (
            "A train covers 156 km at 72 km/h. When?",
            "A train covers 156 km at 72 km/h with one stop. When does it arrive?",
        ),
        ("Write a recipe for 4 people in 30 minutes.", "Write a vegetarian recipe for four people in 30 minutes."),
    ],
)
def test_an_input_that_is_edited_lives(parent: str, child: str) -> None:
    """Renamed variables, added rows, another format, a rounder wording: most of it is still there."""
    assert evolve(parent, child) is None


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("Nenne drei Flüsse.", "Name three rivers in Europe that flow north."),
        ("Name three rivers.", "Nenne drei Flüsse in Europa, die nach Norden fließen."),
        ("Explique la récursivité.", "Explain recursion to a beginner with an example."),
        ("Escribe un poema sobre el mar.", "Escreva um poema sobre o mar em que não haja adjetivos."),
        ("Escreva um poema sobre o mar.", "Escribe un poema sobre el mar en el que no haya adjetivos."),
        ("Напиши вірш про море у чотирьох рядках.", "Напиши стихотворение о море, чтобы не было прилагательных."),
        ("Noem drie rivieren.", "Nenne drei Flüsse, die nach Norden fließen, und begründe es."),
        ("Wyjaśnij inflację.", "Explain inflation to a child, with the example of a bakery."),
        ("请写一首关于雨的诗。", "Write a poem about rain in five lines."),
        ("川の名前を三つ挙げて。", "请说出三条向北流的河流的名字，并解释原因。"),
        ("اكتب قصيدة عن البحر.", "یک شعر کوتاه درباره دریا بنویسید که برای کودکان مناسب باشد."),
        ("ทำไมเหล็กจึงขึ้นสนิม", "Why does iron rust, and how can it be prevented?"),
    ],
)
def test_another_language_is_a_drift(parent: str, child: str) -> None:
    """Another script, or other function words of the same script."""
    assert evolve(parent, child) == "language_drift"


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        (
            "Wie finde ich Dateien?",
            "Wie ändere ich diesen Befehl?\n\n```sh\nfor f in $(find / -size +50M); do du $f; done\n```",
        ),
        ("Zähle Wörter.", 'Zähle die Wörter in {"text": "the cat and the dog and the bird in the tree"}.'),
        ("Was bedeutet Carpe diem?", 'Was bedeutet "Carpe diem", von wem stammt es, und wie wird es missverstanden?'),
        ("Translate 'good night' into French.", 'How would you say "see you tomorrow" in Portuguese and in German?'),
        (
            "Translate: Der Hund schläft und die Katze sitzt.",
            "Translate and explain: Der Hund schläft und die Katze sitzt.",
        ),
        ("用Python写一个函数。", "用Python和FastAPI写一个REST API，支持JWT认证。"),
        ("用英文写一封邮件。", "用英文写一封邮件，请教授推迟考试时间。"),
        ("Berlin?", "Berlin, Hamburg oder München: Welche Stadt hat die meisten Brücken?"),
    ],
)
def test_foreign_words_are_no_drift(parent: str, child: str) -> None:
    """Code, data, quotations, terms and what is to be translated may be in any language."""
    assert evolve(parent, child) is None


@pytest.mark.parametrize(
    "child",
    [
        "As an AI language model, I can name three rivers that flow north.",
        "Hello! How can I assist you today?",
        "I'd be happy to help you with that. Which rivers flow north?",
        "Als KI-Sprachmodell kann ich dir drei Flüsse nennen.",
        "En tant que modèle de langage, je peux citer trois fleuves.",
        "Como modelo de lenguaje, puedo nombrar tres ríos.",
        "Как языковая модель, я могу назвать три реки.",
        "作为一个人工智能语言模型，我可以说出三条河流的名字。",
    ],
)
def test_talk_of_the_assistant_dies(child: str) -> None:
    """An evolver that speaks of itself, in an instruction as in a response; not where the task is about assistants."""
    assert evolve("Name three rivers.", child) == "meta_talk"
    assert evolve(f"Rewrite this for a chatbot: {child}", f"Rewrite this politely for a chatbot: {child}") is None


@pytest.mark.parametrize(
    "child",
    [
        "As an AI engineer at a hospital, explain which biases a triage model can have.",
        "Explain how a large language model is trained, to a lawyer.",
        'Write a greeting for a shop that avoids "How can I help you".',
    ],
)
def test_talk_about_ai_lives(child: str) -> None:
    """A role, a subject, a quotation."""
    assert evolve("Explain it.", child) is None


@pytest.mark.parametrize(
    ("text", "is_loop"),
    [
        ("Name rivers " + "and rivers " * 8, True),
        ("Explain gravity to a child. " * 4, True),
        ("Explain the the the the the the the the force.", True),
        ("Explain gravit" + "y" * 60 + ".", True),
        ("请解释" + "并举例说明" * 6, True),
        ("Describe the sea, " + "its waves and its wind, " * 5 + "and its fish.", True),
        ("\n".join(f"{number}. Explain gravity briefly." for number in range(9)), True),
        ('Why is "Buffalo buffalo Buffalo buffalo buffalo buffalo" a sentence?', False),
        ('Explain the rhythm of "Row, row, row your boat".', False),
        ("How many ones are in 1 1 1 1 0 1 1 1 1 1 1 1 1 0 1?", False),
        ("Shorten this:\n\n" + "print('-')\n" * 8, False),
        ("Read this:\n\n| a | b |\n|---|---|\n" + "| 0 | 0 |\n" * 9, False),
        (
            "Roll on, river, roll on.\nPast the mill.\nRoll on, river, roll on.\nPast the farm. Which verse is this?",
            False,
        ),
    ],
)
def test_only_a_degenerate_loop_is_repetition(text: str, is_loop: bool) -> None:
    """In an instruction as in a response; what repeats by nature lives, and so does what the task orders."""
    assert evolve("What is this?", text) == ("repetition" if is_loop else None)
    assert (respond("What is this?", text) == "repetition") is is_loop
    assert respond(f"Write this 20 times: {text}", text) != "repetition"


@pytest.mark.parametrize(
    "child",
    [
        "Sort the table below by price and mark the cheapest item.",
        "Summarize the following article in three sentences.",
        "Describe the trend shown in the attached chart.",
        "Based on the table above, compute the revenue of each quarter.",
        "Read the passage below and answer: What is the author's tone?",
        "Translate the text [insert text here] into French.",
        "Explain this code line by line and say what it prints.",
        "Analysiere die folgende Tabelle und nenne die Ausreißer.",
        "Résume le texte ci-dessous en trois phrases.",
        "Resume el siguiente texto en tres frases.",
        "Resuma o texto abaixo em três frases.",
        "Riassumi il testo seguente in tre frasi.",
        "Vat de onderstaande tekst samen.",
        "Streść poniższy tekst w trzech zdaniach.",
        "Перескажи приведённый ниже текст в трёх предложениях.",
        "Aşağıdaki metni üç cümlede özetle.",
        "لخص النص التالي في ثلاث جمل.",
        "סכם את הטקסט הבא בשלושה משפטים.",
        "निम्नलिखित गद्यांश का सारांश लिखिए।",
        "请总结以下文章。",
        "以下の文章を要約してください。",
        "다음 글을 요약해 주세요.",
        "Tóm tắt đoạn văn dưới đây.",
        "Ringkas teks berikut dalam tiga kalimat.",
        "Κάνε περίληψη του παρακάτω κειμένου.",
    ],
)
def test_pointing_at_nothing_eliminates(child: str) -> None:
    """Nobody can respond to a text that is not there; a parent that points in vain itself is no better."""
    parent = child.split()[0] if " " in child else child[-2:]
    assert evolve(parent, child, "breadth", "in-breadth") == "missing_input"
    assert evolve(child, f"{child} OK?", "breadth", "in-breadth") is None


@pytest.mark.parametrize(
    "child",
    [
        f"Sort the table below by growth.\n\n{TABLE}",
        f"Summarize the following text in one sentence.\n\n{PASSAGE}",
        "Answer the following questions: Who built the Eiffel Tower? When was it finished?",
        "Translate the following sentence into German: Where is the nearest station?",
        "Write an essay under the following conditions: no adjectives, at most 200 words.",
        "Explain the following steps of making tea and why each matters: boil, steep, strain.",
        "Given the table orders(id, placed), write a query for the latest order.",
        "Build a page that places the caption text below the image.",
        "What happens to water below zero, and why do lakes freeze from the top?",
        "Write a letter in which the tenant refers to the attached photos.",
        "Write a story and then summarize this story.",
        'Interpret the following quote: "The only thing we have to fear is fear itself."',
        "请按照以下要求列出三个城市：靠海、人口超过百万。",
        "Erkläre die folgenden Begriffe: Angebot, Nachfrage und Preis.",
    ],
)
def test_pointing_at_what_is_there_lives(child: str) -> None:
    """Data, a passage or a list is there, or nothing is pointed at."""
    assert evolve("Do it.", child, "breadth", "in-breadth") in (None, "language_drift")


@pytest.mark.parametrize(
    ("operation", "kind", "words", "is_long"),
    [
        ("deepen", "in-depth", 69, False),
        ("deepen", "in-depth", 70, True),
        ("complicate_input", "in-depth", 309, False),
        ("complicate_input", "in-depth", 310, True),
        ("breadth", "in-breadth", 500, False),
    ],
)
def test_the_length_has_a_limit_in_depth(operation: str, kind: Kind, words: int, is_long: bool) -> None:
    """Three times the parent's words and 60 more, 300 where data comes along; none in breadth."""
    child = "Name three rivers " + " ".join(f"word{number}" for number in range(words - 3))
    assert evolve("Name three rivers.", child, operation, kind) == ("too_long" if is_long else None)


def test_the_limits_of_length_are_settable() -> None:
    """`length_factor`, `length_words` and `length_words_input`; a CJK character counts as one word."""
    tight = EliminatorConfig(length_factor=1, length_words=2)

    def reason(child: str) -> str | None:
        found = check_instruction(
            Evolution(child, "stop", False, ("三条河流？",), LABELS, "deepen", "in-depth", tight)
        )  # fmt: skip
        return found[0] if found else None

    assert reason("三条大河流吗？") is None
    assert reason("三条很大河流吗？") == "too_long"


@pytest.mark.parametrize(
    ("task", "response"),
    [
        ("Summarize it.", "Sure! Please provide the text you would like me to summarize."),
        ("Summarize it.", "Could you please provide the text?"),
        ("Write a cover letter.", "I'd be happy to help! What position are you applying for?"),
        ("Write a poem.", "Of course! What topic would you like the poem to be about?"),
        ("Fix the bug.", "It looks like you forgot to include the code. Please paste it here."),
        ("Plan a trip.", "To plan your trip, I need some more information: where would you like to go?"),
        ("Improve this sentence.", "Sure, which sentence would you like me to improve?"),
        ("Schreibe ein Gedicht.", "Natürlich! Worüber soll das Gedicht handeln?"),
        ("Résume le texte.", "Bien sûr ! Pouvez-vous me fournir le texte à résumer ?"),
        ("Escribe una descripción.", "¡Claro! ¿De qué producto se trata?"),
        ("Resuma.", "Claro! Por favor, envie o texto que você gostaria de resumir."),
        ("Riassumi.", "Certo! Per favore, forniscimi il testo da riassumere."),
        ("Streść.", "Oczywiście! Proszę o przesłanie tekstu, który mam streścić."),
        ("Перескажи.", "Конечно! Пожалуйста, пришлите текст, который нужно пересказать."),
        ("Özetle.", "Elbette! Lütfen özetlememi istediğiniz metni paylaşın."),
        ("لخص.", "بالتأكيد! يرجى تزويدي بالنص الذي تريد تلخيصه."),
        ("总结文章。", "好的！请提供您想要总结的文章。"),
        ("要約して。", "もちろんです。要約する文章を教えてください。"),
        ("요약해 줘.", "물론입니다! 요약할 글을 보내 주세요."),
    ],
)
def test_asking_back_is_no_response(task: str, response: str) -> None:
    """A reply that wants to know more responds to nothing."""
    assert respond(task, response) == "needs_clarification"


@pytest.mark.parametrize(
    ("task", "response"),
    [
        ("Ask me three questions.", "1. Do you prefer comedies or dramas?\n2. Which film did you enjoy?"),
        ("Be a Socratic tutor.", "Sure! Let us begin: what do you think makes an action just?"),
        ("Tell me a riddle.", "What has keys but can't open locks?"),
        ("Write an email about an invoice.", "Dear Ms Lee,\n\nPlease send me the invoice. Could you confirm the sum?"),
        ("Translate: Könnten Sie mir den Text schicken?", "Could you please send me the text?"),
        ("Name three rivers.", "The Nile, the Lena and the Ob. Let me know if you want more examples!"),
        ("Which is longer?", "The Nile is usually called longer. Do you want a comparison by discharge as well?"),
        ("Why do rivers flow north?", USEFUL + "Would you like to know more?"),
        ("Solve: x + 1 = x.", "There is no solution: no number equals itself plus one."),
    ],
)
def test_a_response_may_ask(task: str, response: str) -> None:
    """A task that wants questions, a letter, a translation, an offer at the end."""
    assert respond(task, response) is None


REFUSALS = [
    "I can't help with that.",
    "I'm unable to assist with this request.",
    "I cannot provide information that could be used to break into homes. Please contact a locksmith.",
    "Dabei kann ich leider nicht helfen.",
    "Je ne peux pas répondre à cette demande.",
    "No puedo ayudarte con esa solicitud.",
    "Não posso ajudar com esse pedido.",
    "Non posso aiutarti con questa richiesta.",
    "Daar kan ik helaas niet mee helpen.",
    "Niestety nie mogę pomóc w tej sprawie.",
    "Я не могу помочь с этим запросом.",
    "На жаль, я не можу допомогти з цим запитом.",
    "Maalesef bu konuda yardımcı olamam.",
    "لا أستطيع المساعدة في هذا الطلب.",
    "אינני יכול לעזור בבקשה זו.",
    "मैं इसमें आपकी मदद नहीं कर सकता।",
    "抱歉，我无法提供帮助。",
    "申し訳ありませんが、そのご依頼にはお応えできません。",
    "죄송하지만 그 요청은 도와드릴 수 없습니다.",
    "ขออภัย ฉันไม่สามารถช่วยเรื่องนี้ได้",
    "Rất tiếc, tôi không thể giúp bạn với yêu cầu này.",
    "Maaf, saya tidak bisa membantu dengan permintaan ini.",
    "Δυστυχώς δεν μπορώ να βοηθήσω με αυτό το αίτημα.",
]


@pytest.mark.parametrize("response", REFUSALS)
def test_a_refusal_dies(response: str) -> None:
    """A model that will not or cannot; not where the task is about refusing, or hands words on."""
    assert respond("Name three rivers.", response) == "refusal"
    assert respond("Write a polite refusal.", response) is None
    assert respond("Translate this into English: xyz", response) is None


@pytest.mark.parametrize(
    ("task", "response"),
    [
        ("Who won?", "This cannot be determined from the data given."),
        ("Can penguins fly?", "No, penguins cannot fly, but they swim with their wings."),
        ("Which pills are safe?", f"I can't give medical advice for your case, but in general: {USEFUL}"),
        ("Recommend a hotel.", "I can't recommend the Hotel Sonne highly enough: quiet rooms, great food."),
        ("What does a waiter say?", "He says: \"I'm afraid I can't offer you the trout tonight.\""),
    ],
)
def test_impossible_things_may_be_said(task: str, response: str) -> None:
    """An impossibility, a caveat before something useful, somebody else's words."""
    assert respond(task, response) is None


@pytest.mark.parametrize(
    ("task", "response", "reason"),
    [
        ("Name a pizza.", "As an AI language model, I don't eat, but mushrooms are popular.", "meta_talk"),
        ("Name a pizza.", USEFUL + "As a large language model, I cannot check this.", "meta_talk"),
        ("Name a pizza.", "Hi there! How may I assist you today?", "meta_talk"),
        ("Nenne einen Belag.", "Als KI habe ich keinen Geschmack, aber Pilze sind beliebt.", "meta_talk"),
        ("最好吃的披萨？", "作为AI助手，我没有味觉，但玛格丽特最受欢迎。", "meta_talk"),
        ("Name a pizza.", f"I'd be happy to help! {USEFUL}", None),
        ("Are you an AI?", "As an AI, I do not have feelings.", None),
        ("Write a greeting for a chatbot.", "Welcome! How can I assist you today?", None),
        ("Describe a job.", "As an AI researcher, I spend my mornings reading papers.", None),
    ],
)
def test_talk_of_the_assistant_in_a_response(task: str, response: str, reason: str | None) -> None:
    """Self-talk anywhere; an offer of help only where there is nothing else; neither where the task is about it."""
    assert respond(task, response) == reason


@pytest.mark.parametrize(
    ("task", "response", "reason"),
    [
        ("Describe a sunset.", "I'm sorry, but I can't see one.", "sorry"),
        ("Write a limerick about a goat.", "Sorry, but I'm not able to write poetry.", "sorry"),
        ("Reply to a customer.", "I'm sorry, but I don't have access to that.", "sorry"),
        ("Reply to a customer.", "We are sorry for the delay. Your parcel arrives tomorrow.", None),
        ("Write a break-up text.", "I'm sorry, but I don't think we should meet again.", None),
        ("Translate: Lo siento, no hablo español.", "I'm sorry, I don't speak Spanish.", None),
        ("Name a proverb.", "Better safe than sorry.", None),
        ("Which word is it?", 'The word is "sorry".', None),
        ("Écris en anglais un mot d'excuse.", "I am sorry I could not come.", None),
    ],
)
def test_sorry_is_relative_to_the_task(task: str, response: str, reason: str | None) -> None:
    """The model's own apology dies, even in a letter; one that belongs to the product lives."""
    assert respond(task, response) == reason


@pytest.mark.parametrize(
    "filler",
    [
        *(
            "a",
            " a",
            "\n",
            "\n\n",
            "? ",
            "i can't ",
            "“",
            '"',
            "'",
            "```\n",
            "{",
            "[",
            "<a",
            "|",
            "\t",
            ",",
            "a,b\n",
            "1 2 ",
        ),
        *(
            ": ",
            "(insert ",
            "- ",
            "雨",
            "ให้",
            "é",
            "please ",
            "the following table ",
            "answer:\n",
            "sorry ",
            "as an ai ",
        ),
        *("x = ", "the attached ", "note: added ", "sure, ", "\u0300", "ß", " and", "to be ", "__", "…", "q: a\n"),
    ],
)
def test_a_degenerate_text_is_judged_in_linear_time(filler: str) -> None:
    """A model that repeats itself for a hundred kilobytes does not stop the event loop."""
    text = "a" + filler * (100_000 // len(filler)) + " b"
    begun = time.process_time()
    evolve("Name three rivers.", text)
    evolve(text, "Name three rivers that flow north.")
    respond("Name three rivers.", text)
    respond(text, "No.")
    assert time.process_time() - begun < 8


PIECES = st.sampled_from(
    [
        *(
            "Name three rivers.",
            "The Nile.",
            "?",
            "\n",
            "\n\n",
            "```",
            "| a | b |\n",
            '{"a": 1}',
            "“x y z”",
            "below",
            "1. ",
        ),
        *(
            "As an AI",
            "I can't help",
            "please provide",
            "Sure!",
            "sorry",
            "the following text",
            "Answer: 4",
            "雨が降る。",
            "и",
        ),
        *(
            "[insert text here]",
            "Dear Ann,",
            "A: hi\n",
            "Nenne drei Flüsse.",
            "x = 1\n",
            "http://a.b",
            "'",
            "$x$",
            "<p>",
        ),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=6), max_size=9).map(" ".join)


@settings(deadline=None, max_examples=300, database=None)
@given(parent=TEXTS, reply=TEXTS, response=TEXTS, kind=st.sampled_from(["in-depth", "in-breadth"]))
def test_every_case_can_be_judged(parent: str, reply: str, response: str, kind: Kind) -> None:
    """Any texts give a reason of the closed set with a detail, or live; the same ones every time."""
    case = Case("deepen", kind, parent, reply, response=response)
    found = check_case(case, STRICT, LABELS)
    assert found is None or (found[0] in REASONS and found[1])
    assert check_case(case, STRICT, LABELS) == found


def test_the_rules_do_not_depend_on_the_process() -> None:
    """Sets of words have another order in every process; reasons and details have not (promise 2)."""
    program = (
        "import test_rules as t\n"
        "texts = ['Nenne drei Flüsse.', 'Name a river.', 'Назови реки.', 'Nevn tre elver.', 'a e o de la', '雨']\n"
        "texts += t.REFUSALS\n"
        "for p in texts:\n"
        "    for c in texts:\n"
        "        print(t.check_case(t.Case('deepen', 'in-depth', p, c, response=c), t.STRICT, t.LABELS))\n"
    )
    seen = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent)}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment)
        seen.add(done.stdout)
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("parent", "child", "is_same"),
    [
        ("Qu’est-ce que l’ADN ?", "Qu'est-ce que l'ADN?", True),
        ('What is a "black hole"?', "What is a “black hole” ?", True),
        ("IRMAK NEDİR?", "Irmak nedir?", True),
        ("请写一首关于秋天的诗。", "请写一首关于秋天的诗.", True),
        ("Explain state-of-the-art batteries.", "Explain **state of the art** batteries", True),
        ("Write hello world in C.", "Write hello world in C#.", False),
        ("Expand (x + 3)(x - 3).", "Expand (x + 3)(x + 3).", False),
        ("What is 3^2?", "What is 3²?", False),
        ('"Kar" kelimesini açıkla.', '"Kâr" kelimesini açıkla.', False),
    ],
)
def test_typography_changes_no_instruction(parent: str, child: str, is_same: bool) -> None:
    """Quotes, hyphens, spaces and full-width marks are nothing new; signs and accents make another task."""
    assert (evolve(parent, child) == "unchanged") is is_same


@pytest.mark.parametrize(
    ("task", "response", "is_empty"),
    [
        ("Leg uit hoe regen ontstaat.", "Het is een van de.", True),
        ("Yağmuru açıkla.", "Bu bir ve de için.", True),
        ("اشرح المطر.", "في من على إلى.", True),
        ("解释下雨。", "的的的了", True),
        ("Write a poem of 20 words.", "The", True),
        ("Welches Zeichen trennt in CSV die Felder?", ",", False),
        ("List three English prepositions.", "in, on, at", False),
        ("Nenne drei Artikel des Deutschen, etwa der, die, das.", "der, die, das", False),
        ("Wer hat recht, er oder sie?", "Sie.", False),
    ],
)
def test_function_words_of_any_language_are_no_response(task: str, response: str, is_empty: bool) -> None:
    """Three function words of one language say nothing, unless they are what the task asks for."""
    assert (respond(task, response) == "stop_words") is is_empty


@pytest.mark.parametrize(
    ("parent", "child", "reason"),
    [
        ("Tell me a joke about cats.", "Why did the cat sit on the mouse? It had read the manual.", "answered"),
        ("Tell me a joke about cats.", "Why do people laugh at cats? Explain it with two examples.", None),
        ("Give me a riddle.", "I have keys but open no door. What am I?", "answered"),
        (
            "What is the capital of Peru?",
            "What is the capital of Peru, and why?\n\nThe capital of Peru is Lima.",
            "answered",
        ),
        ("How many apples are left?", "How many apples are left?\n\nTom has 12 apples and eats 3 of them.", None),
        ("Why do leaves fall?", "Why do leaves fall? Because trees save water in winter.", "answered"),
        ("讲个故事。", "讲个关于老灯塔的故事，结尾要出人意料。", None),
        ("एक कविता लिखो।", "बारिश पर एक ऐसी कविता लिखो जो बच्चों को हँसाए।", None),
        (
            "Escribe un poema.",
            "Escribe un poema. It must have four stanzas and each one should end with a fish.",
            "language_drift",
        ),
        ("चाय के फायदे बताओ।", "Mujhe chai ke fayde batao aur yeh bhi ki kitni baar peena chahiye.", "language_drift"),
        ("O que é um laço?", "Corrija o código abaixo para que x = 3 seja aceito e explique o erro.", "missing_input"),
        ("Solve for x.", "Solve the equation below: 3x + 5 = 20.", None),
    ],
)
def test_what_an_evolver_hands_over_instead(parent: str, child: str, reason: str | None) -> None:
    """Jokes, riddles, questions with their answers, a change of language midway, code that is not there."""
    assert evolve(parent, child) == reason


@pytest.mark.parametrize(
    ("task", "response", "reason"),
    [
        ("Explain tides.", "I'd rather not comment on this subject.", "refusal"),
        ("Explain tides.", "I do not feel comfortable answering this.", "refusal"),
        ("Explica las mareas.", "Prefiero no opinar sobre ese tema.", "refusal"),
        ("解释潮汐。", "很抱歉，我不便讨论这个话题。", "refusal"),
        ("潮の満ち引きを説明して。", "恐れ入りますが、回答を差し控えさせていただきます。", "refusal"),
        ("Gelgiti açıkla.", "Bu isteği karşılayamıyorum.", "refusal"),
        ("Wie schreibe ich eine Kündigung?", "Dabei kann ich Ihnen leider nicht helfen.", "refusal"),
        ('Translate "No puedo ayudarte" into English.', "I can't help you with that.", None),
        ("Write a registration form.", "Please provide the following:\nName: ____\nAge: ____", None),
        ("Schreibe eine SMS an Herrn Kurz.", "Hallo Herr Kurz, könnten Sie mir bitte sagen, wann Sie kommen?", None),
        ("How many stars are there?", f"There are {'9' * 90} stars.", "repetition"),
        ("Write out a googol with all its zeros.", f"1{'0' * 100}", None),
        ("Prove it.", " ".join(f"Step {n}: Therefore both p and q are even." for n in range(2, 14)), "repetition"),
        ("Write ten equal lines: I will not be late.", "\n".join(["I will not be late."] * 10), None),
        ("Write a haiku.", "Old pond,\nSorry, I ran out of syllables.", "sorry"),
    ],
)
def test_what_a_responder_says_instead(task: str, response: str, reason: str | None) -> None:
    """Moralising refusals in many languages, forms and messages that ask, endless digits and counted steps."""
    assert respond(task, response) == reason
