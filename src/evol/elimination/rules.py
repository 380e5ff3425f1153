"""The rules of the profile `strict` that read texts: pure functions from what happened to what they saw, or None.

`evol.eliminator` lists them by name, in order, with their reasons. Every rule is relative: what the parent or the task
shows itself is no fault of its evolution or response. Each looks for cheap signs first, for nearly every text is sound.
"""

from __future__ import annotations

import re
from functools import lru_cache

from evol.elimination.answered import find_answer
from evol.elimination.languages import Evidence, find_drift
from evol.elimination.loops import find_loop
from evol.elimination.materials import find_lost, find_missing
from evol.elimination.phrases import SELF_TALK, SERVICE_TALK, find_phrase
from evol.elimination.readings import ENGLISH, HEAD, Evolution, Finding, Reading, Response
from evol.elimination.replies import ASKING_BACK, REFUSALS
from evol.elimination.signs import SALUTATION, WRITES
from evol.elimination.tasks import (
    ABOUT_ASSISTANTS,
    HANDED_ON,
    REPLYING,
    SAYING_NO,
    TRANSLATES,
    VOICED,
    WANTS_QUESTIONS,
    is_about,
)
from evol.elimination.texts import SINGLE, compile_folded, count_words, find_key, find_words, split_sentences

# Without one of these no English phrase can match; most English texts hold none.
_SELF_SIGNS = (
    "an ai",
    "language model",
    "artificial intell",
    "l assistant",
    "chatbot",
    "computer program",
    "a program",
    "a machine",
    "software",
    "a bot",
    "a robot",
    "my training",
    "my knowledge",
    "i was trained",
    "i don't have",
)
_SELF_WORDS = frozenset(
    """ai assistant assistants bot chatbot chatbots don intelligence knowledge language machine program robot software
    trained training""".split()  # noqa: SIM905
)
_SERVICE_SIGNS = ("how can i", "how may i", "how could i", "what can i", "to help", "to assist")
_REFUSAL_SIGNS = (
    "i can",
    "i won't",
    "i will not",
    "i couldn't",
    "i'm ",
    "i am ",
    "i must",
    "i have to",
    "i need to",
    "i decline",
    "i refuse",
    "i respectfully",
    "i do not",
    "i don't",
    "i'd ",
    "i would",
    "i prefer",
    "for me to",
    "against my",
    "something i",
)
_REFUSAL_WORDS = frozenset(("i", "me", "my", "something"))
_ACKNOWLEDGED = compile_folded(
    r"""
    (?:sure|certainly|of course|absolutely|okay|ok|great|got it|understood|happy to|i'd (?:be|love)|i would be|hello|
    hi\b|alright|no problem|thanks|thank you|klar|natürlich|gerne?|sicher|selbstverständlich|bien sûr|certainement|
    avec plaisir|d'accord|claro|por supuesto|con gusto|encantad|com certeza|com prazer|certo|certamente|volentieri|
    natuurlijk|zeker|prima|graag|jasne|oczywiście|chętnie|pewnie|samozřejmě|självklart|självfallet|selvfølgelig|
    naturligvis|desigur|természetesen|tietysti|toki|elbette|tabii|memnuniyetle|chắc chắn|tất nhiên|vâng|dạ|tentu|baik|
    конечно|с удовольствием|хорошо|разумеется|звичайно|звісно|із задоволенням|добре|разбира се|βεβαίως|φυσικά|βέβαια|
    με χαρά|بالتأكيد|بالطبع|حسنا|بكل سرور|כמובן|בטח|בשמחה|בהחלט|البته|حتما|ज़रूर|जरूर|बिल्कुल|बेशक|ठीक|अवश्य|好的|当然|當然|
    没问题|可以|もちろん|はい|承知|かしこまり|わかりました|分かりました|了解|물론|네[,. ]|알겠|그럼요|좋습니다|ได้เลย|
    แน่นอน|ยินดี|ครับ|ค่ะ|i'm not sure|i am not sure|i'm afraid|unfortunately|leider|malheureusement|lamentablemente|
    infelizmente|purtroppo|helaas|niestety|к сожалению|на жаль|maalesef)"""
)
_MATERIAL = re.compile(r"[:：\"“„«「'‘]")
_REPEATS = compile_folded(
    r"""
    \d|repeat|times\b|twice|chant|mantra|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|
    fifty|hundred|thousand|fünf|zehn|zwanzig|hundert|dix|vingt|cent|cinco|diez|veinte|cien|dez|vinte|cem|dieci|venti|
    cento|tien|twintig|honderd|dziesięć|sto|десять|сто|sepuluh|seratus|yüz|mười)\b|[十百]|wiederhol|\bmal\b|répète|\bfois\b|repit|veces|repet|vezes|ripet|volte|
    herhaal|\bkeer\b|powt[aó]r|\brazy\b|opakuj|upprepa|gentag|повтор|\bраз\b|разів|tekrar|\bkez\b|\bdefa\b|lặp lại|
    \blần\b|ulangi|\bkali\b|επαναλ|φορες|كرر|مرات|חזור|פעמים|تکرار|दोहरा|बार|重复|遍|繰り返|反復|반복|번 |ซ้ำ|ครั้ง"""
)
_SENDS_AWAY = compile_folded(
    r"""
    \b(?:urge|encourage|recommend|advise|consult|contact|turn to|speak (?:to|with)|reach out|seek|understand|professional|
    qualified|expert)\b|wenden sie|fachmann|fachleute|verständnis|consulte[zr]?|professionnel|comprends|comprends|consult[ea]|
    profesional|comprens|comprendo|profissional|compreens|rivolg|professionist|raadpleeg|deskundige|skonsult|specjalist|
    обрат|специалист|зверн|фахів|danış|uzman|chuyên gia|profesional|咨询|专业|専門|相談|전문|상담|مختص|माहिर|विशेषज्ञ"""
)
_ONE_VOICE = re.compile(r"(?![\"“„«「『'‘—–-])(?!\w+(?: \w+)?\s*[:：])")
"""Neither a quotation nor the line of a dialogue."""
_OF_THE_REQUEST = compile_folded(
    r"""
    (?:this|your|that|the) (?:request|question|topic|prompt|task)\b|assist (?:you )?with|help (?:you )?with (?:this|that|it\b|
    hack|\w+ing)|guidelines|policies|provide information|anfrage|dabei nicht|damit nicht|weiterhelfen|demande|(?:vous |t')aider|
    solicitud|ayudar(?:te|le|lo)?(?: con|\b)|petición|pedido|solicitação|ajud\w+ com|richiesta|aiutar(?:ti|la) con|verzoek|
    helpen met|prośb|pomóc w|žádost|begäran|anmodning|запрос|просьб|помочь с|запит|допомогти|isteğ|yardımcı ola|yêu cầu|
    permintaan|αίτημα|طلب|المساعدة|הבקשה|לעזור|درخواست|अनुरोध|सहायता|मदद नहीं|请求|這個問題|这个问题|要求|リクエスト|ご要望|ご依頼|요청|
    도와드릴|คำขอ"""
)
_WANTS_DIGITS = compile_folded(
    r"""
    googol|zeros?\b|zeroes|digits?\b|decimal|nullen|ziffer|stellen|zéros?|chiffres|décimal|ceros?\b|cifras|dígitos|zeri\b|
    cifre|cijfers|\bzer\b|cyfr|нул|цифр|знак|sıfır|basamak|số 0|chữ số|\bnol\b|digit|μηδεν|ψηφί|أصفار|أرقام|ספרות|अंक|零|
    位|数字|ゼロ|桁|자리|ศูนย์"""
)
_BUT = compile_folded(
    r"""
    \b(?:but|however|that said|in general|generally|instead,? here|here (?:is|are)|aber|jedoch|allerdings|mais|
    cependant|pero|sin embargo|mas\b|porém|no entanto|ma\b|però|tuttavia|maar|echter|ale\b|jednak|но\b|однако|але\b|
    однак|ama|ancak|nhưng|tetapi|namun|αλλά|ωστόσο)\b|لكن|אבל|אולם|اما|लेकिन|परंतु|但|不过|然而|ただし|しかし|하지만|
    그러나|แต่"""
)
_NAMES_LANGUAGE = compile_folded(
    r"""
    english|englisch|anglais|inglés|inglesa|inglês|inglese|engels|angielsk|angličt|engelsk|engleză|angol|englanti|
    ingilizce|tiếng anh|inggris|английск|англійськ|αγγλικ|إنجليزي|انجليزي|אנגלית|انگلیسی|अंग्रेज|英语|英語|英文|영어|
    ภาษาอังกฤษ|bilingual|zweisprachig|bilingüe|bilíngue|bilingu|language|sprache|langue|idioma|lingua|język|язык|мов[аиоу]"""
)
_LONG_QUESTION = 900
"""Characters that 110 words of any script hardly reach; a longer reply has answered something."""
# The last alternative is Thai, which writes no question mark.
_LAST_QUESTION = re.compile(
    r"(?:[?？؟;]|(?:อะไร|ไหม|ไหน|เท่าไหร่|เท่าไร|ใคร|หรือเปล่า|เมื่อไร|กี่\S{0,6})(?:คะ|ครับ|ค่ะ|ดี|นะ){0,2})[\s\"'”’»)*_]*\Z"
)
_CLOSED = re.compile(r"[\"”»]")
_OPENED = re.compile(r"[\s*_]*[\"“„«]")
_FAMILIES = tuple(
    frozenset(names.split()) for names in ("es pt it", "sv da", "ru uk bg", "ar fa", "pl cs", "de nl", "zh ja")
)
_GREETED = compile_folded(
    r"""
    \W*(?:hi|hello|hey|good (?:morning|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|moin|bonjour|salut|bonsoir|hola|
    buenos días|buenas|olá|oi|bom dia|boa tarde|ciao|buongiorno|salve|hoi|goedemorgen|goedendag|cześć|dzień dobry|witam|
    ahoj|dobrý den|hej|god dag|salut|bună|szia|jó napot|hei|moi|merhaba|selam|iyi günler|xin chào|chào|halo|hai|selamat|
    привет|здравствуй\w*|добрый|привіт|добрий|вітаю|здравей|γεια|καλημέρα|καλησπέρα|مرحبا|السلام|שלום|היי|سلام|नमस्ते|नमस्कार|
    你好|您好|こんにちは|お世話|안녕)"""
)
_FORM = compile_folded(
    r"""
    \b(?:an?|the|this|order|registration|application|contact|booking|feedback|intake|enrolment|enrollment|consent|sign-?up|
    entry|order|complaint) form\b|\bintake\b|formular|formulaire|formulier|\bmodulo\b|formularz|formulář|blankett|\bskema|
    skjema|űrlap|lomake|анкет|бланк|заявк|form[uü]lar|başvuru form|\bform\b.{0,20}\bdolu|biểu mẫu|formulir|φόρμα|استمارة|نموذج|
    טופס|فرم|फ़ॉर्म|फॉर्म|प्रपत्र|表格|表单|登记表|申请表|報名表|報名|报名|フォーム|申込書|用紙|양식|신청서|แบบฟอร์ม"""
)
_REWORDS = re.compile(r"\b(?:rewrite|rephrase|paraphrase)\b")
_SENTENCE = re.compile(r"[^.!?？؟。！]+[.!?？؟。！]*")


def check_unchanged(evolution: Evolution) -> Finding:
    """The instruction equals an ancestor's but for case, white space, typography and punctuation around it."""
    text = evolution.text
    own = ""
    for depth, ancestor in enumerate(reversed(evolution.ancestors)):
        if len(text) > 2 * len(ancestor) + 20 or _differ_in_letters(text, ancestor):
            continue
        own = own or find_key(text)
        other = find_key(ancestor)
        is_shouted = (text.isupper() or ancestor.isupper()) and own.casefold() == other.casefold()
        if own == other or is_shouted:
            return "same as the parent" if depth == 0 else "same as an earlier ancestor"
    return None


def _differ_in_letters(text: str, other: str) -> bool:
    """Whether two ASCII texts hold a frequent letter at different frequency: then no levelling makes them the same."""
    if not (text.isascii() and other.isascii()):
        return False
    text, other = text.lower(), other.lower()
    for letter in "etaoinsr":  # noqa: SIM110 - a generator costs more than what it runs
        if text.count(letter) != other.count(letter):
            return True
    return False


def check_meta_instruction(evolution: Evolution) -> Finding:
    """The evolver speaks of itself as an assistant, or offers its services; not if the parent is about assistants."""
    found = _find_self_talk(evolution.child) or _find_service_talk(evolution.child)
    if not found or found in evolution.before.folded or is_about(ABOUT_ASSISTANTS, evolution.before.folded):
        return None
    return f"says {found!r}"


def check_loop_in_instruction(evolution: Evolution) -> Finding:
    """A degenerate loop; not one that the parent shows itself."""
    found = find_loop(evolution.child)
    return found if found and not find_loop(evolution.before) else None


def check_answered(evolution: Evolution) -> Finding:
    """The evolver answered the instruction instead of rewriting it, or handed an answer on with it."""
    return find_answer(evolution.before, evolution.child)


def check_lost_input(evolution: Evolution) -> Finding:
    """Code, a table or data of the parent disappeared; an in-breadth evolution may bring its own."""
    return find_lost(evolution.before, evolution.child) if evolution.kind == "in-depth" else None


def check_language_drift(evolution: Evolution) -> Finding:
    """The evolution is in another language than its parent; where one translates, only the order itself counts."""
    child, parent = evolution.child, evolution.before
    if child.likely == parent.likely == ENGLISH:
        return None
    if child.evidence.main == parent.evidence.main:
        return _find_switch(parent, child)
    if TRANSLATES.search(child.folded) or TRANSLATES.search(parent.folded):
        child, parent = _read_order(child), _read_order(parent)
    drift = find_drift(parent.evidence, child.evidence)
    return f"from {drift[0]} to {drift[1]}" if drift else _find_switch(evolution.before, evolution.child)


def _find_switch(parent: Reading, child: Reading) -> Finding:
    """A sentence of the evolver's own in another language; what stands behind a colon or a line end is an input."""
    prose = child.prose.replace("：", ":").partition(":")[0].partition("\n")[0]
    if _NAMES_LANGUAGE.search(child.folded) or TRANSLATES.search(child.folded):
        return None
    for sentence in split_sentences(prose)[1:]:
        if count_words(sentence) >= 8 and (drift := find_drift(parent.evidence, Evidence(sentence))):
            return f"goes on from {drift[0]} to {drift[1]}"
    return None


def _read_order(reading: Reading) -> Reading:
    """What is said before a colon: behind it may stand what is to be translated."""
    return Reading(reading.prose.replace("：", ":").partition(":")[0])


def check_missing_input(evolution: Evolution) -> Finding:
    """The instruction points at a table, code or text that is not there; not if its parent already did."""
    return find_missing(evolution.before, evolution.child)


def check_too_long(evolution: Evolution) -> Finding:
    """An in-depth evolution far beyond the 10 to 20 words that may be added; an in-breadth one extends nothing."""
    if evolution.kind != "in-depth":
        return None
    # the words of a folded text are those of the text, but for marks that ASCII has not
    words = len(evolution.child.words) if evolution.text.isascii() else count_words(evolution.text)
    if words <= evolution.settings.length_words:
        return None
    limit = evolution.count_allowed_words()
    return f"{words} words, {limit:.0f} allowed" if words > limit else None


def check_needs_clarification(response: Response) -> Finding:
    """The responder asks back instead of responding; not where the task wants questions, or somebody is being asked."""
    given = response.given
    if len(given.text) > _LONG_QUESTION:
        return None
    words = len(given.words)
    if words > 110 or not words:
        return None
    folded = given.folded
    found = find_phrase(ASKING_BACK, folded, _add_siblings(given.likely))
    is_acknowledged = bool(_ACKNOWLEDGED.match(folded.lstrip("\"'“¡¿* ")))
    reach = 25 if is_acknowledged else 5
    if found and SINGLE.search(folded):
        reach *= 2  # each character counts as a word
    if found and count_words(folded[: found.start()]) <= reach:
        what = f"asks back: {found[0][:60]!r}"
    elif is_acknowledged and words <= 40 and _only_asks(given, after_first=True):
        what = "acknowledges, and asks back"
    elif words <= 30 and not WRITES.match(response.task.prose.lstrip()) and _only_asks(given, after_first=False):
        what = "is nothing but a question"
    else:
        return None
    task = response.task.folded
    if "____" in given.text or _FORM.search(task) or (_GREETED.match(folded) and is_about(VOICED, task)):
        return None  # a form asks, and so does a message to somebody
    needs_material = TRANSLATES.search(task) or _REWORDS.search(task)
    if needs_material and words <= 40 and (TRANSLATES.search(folded) or _REWORDS.search(folded)):
        return what  # it speaks of the work that it was given
    is_voiced = is_about(HANDED_ON, task) and (not needs_material or bool(_MATERIAL.search(task)))
    may_ask = is_voiced or is_about(WANTS_QUESTIONS, task) or is_about(REPLYING, task)
    if may_ask or SALUTATION.match(folded) or (found and found[0] in task):
        return None
    return what


def _only_asks(given: Reading, *, after_first: bool) -> bool:
    """Whether a reply ends in a question and, but for its first sentence, says next to nothing else.

    The generic "how can I help you" is no question about the task, and a quoted question is none of the reply's own.
    """
    question = _LAST_QUESTION.search(given.folded)
    if not question or (_CLOSED.search(question[0]) and not _OPENED.match(given.text)):
        return False
    sentences = [part for part in _SENTENCE.findall(given.folded) if part.strip()]
    rest = sentences[1:] if after_first and len(sentences) > 1 else sentences
    stated = sum(count_words(part) for part in rest if not _LAST_QUESTION.search(part))
    return stated <= 8 * after_first and not find_phrase(SERVICE_TALK, sentences[-1], given.likely)


def check_meta_response(response: Response) -> Finding:
    """The responder speaks of itself as an assistant, or offers its services and nothing else."""
    given = response.given
    found = _find_self_talk(given)
    if not found and len(given.text) <= 300 and count_words(given.text) <= 40:
        found = _find_service_talk(given)
        if found and is_about(HANDED_ON, response.task.folded):
            return None  # somebody in a scene offers help
    if not found or is_about(ABOUT_ASSISTANTS, response.task.folded) or found in response.task.folded:
        return None
    return f"says {found!r}"


def check_refusal(response: Response) -> Finding:
    """The responder will not or cannot; not in a caveat of a useful response, nor where the task is about saying no."""
    given = response.given
    head = given.folded[:HEAD]
    is_english = given.likely <= ENGLISH and given.text.isascii()
    if is_english and (_REFUSAL_WORDS.isdisjoint(given.word_set) or not _holds_any(_REFUSAL_SIGNS, head)):
        return None
    if '"' in head[1:] or "“" in head[1:]:
        head = given.prose[:HEAD]  # somebody else may refuse in quotation marks
    found = find_phrase(REFUSALS, head, _add_siblings(given.likely))
    if not found or count_words(head[: found.start()]) > 25 or head[: found.start()].rstrip().endswith(":"):
        return None
    words = count_words(given.text)
    rest = given.folded[found.end() :]
    if words > 45 and _BUT.search(rest[:160]):
        return None
    if words > 90 and (words > 200 or not _is_sermon(head[: found.start()], rest)):
        return None
    return None if _may_refuse(response, found.start(), words) else f"refuses: {found[0][:60]!r}"


def _is_sermon(before: str, rest: str) -> bool:
    """Whether a long refusal gives nothing beside advice: it opens with it, and sends its reader elsewhere."""
    has_content = "\n" in rest.strip() or any(char.isdigit() for char in rest) or _BUT.search(rest)
    return count_words(before) <= 6 and not has_content and bool(_SENDS_AWAY.search(rest))


def _may_refuse(response: Response, start: int, words: int) -> bool:
    """Whether the task wants a refusal, or a text in which somebody may refuse; unless the model speaks to its user."""
    task, folded = response.task.folded, response.given.folded
    is_no = is_about(SAYING_NO, task)
    if not is_no and not is_about(HANDED_ON, task):
        return False
    if TRANSLATES.search(task) or words > 60 or not _ONE_VOICE.match(folded) or "\n" in folded.strip():
        return True
    if is_no:  # who asks how something is done wants no sample of it
        return not (words <= 40 and count_words(folded[:start]) <= 4 and "?" in task and not WRITES.match(task))
    return not _OF_THE_REQUEST.search(folded[:HEAD])


def check_loop_in_response(response: Response) -> Finding:
    """A degenerate loop; not one that the task shows or orders."""
    found = find_loop(response.given)
    if not found or find_loop(response.task):
        return None
    piece = " ".join(find_words(found.partition("'")[2]))
    if found.startswith("repeats the digit"):
        return None if _WANTS_DIGITS.search(response.task.folded) else found
    # a line that the task quotes, and that it wants several times
    is_ordered = bool(_REPEATS.search(response.task.folded)) and piece in " ".join(response.task.words)
    return None if is_ordered else found


@lru_cache(maxsize=256)
def _add_siblings(likely: frozenset[str]) -> frozenset[str]:
    """A short reply has few function words, and its language may be taken for the one next to it."""
    return likely.union(*(family for family in _FAMILIES if not likely.isdisjoint(family)))


def _holds_any(signs: tuple[str, ...], text: str) -> bool:
    for sign in signs:  # noqa: SIM110 - a generator costs more than what it runs
        if sign in text:
            return True
    return False


def _find_self_talk(reading: Reading) -> str:
    if reading.likely <= ENGLISH and (
        _SELF_WORDS.isdisjoint(reading.word_set) or not _holds_any(_SELF_SIGNS, reading.folded)
    ):
        return ""
    found = find_phrase(SELF_TALK, reading.prose, reading.likely)
    return found[0] if found else ""


def _find_service_talk(reading: Reading) -> str:
    folded = reading.folded
    if reading.likely <= ENGLISH and not _holds_any(_SERVICE_SIGNS, folded):
        return ""
    found = find_phrase(SERVICE_TALK, reading.prose, reading.likely)
    return found[0] if found else ""
