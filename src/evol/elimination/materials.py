"""The material that an instruction works on: is it there, and does it survive an evolution? Pure.

Material is code, a table, data, a quotation, a link, a passage behind a colon or in a paragraph of its own, and the
figures of a problem. Placeholders ("[insert text here]") are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from evol.elimination.asking import Ask, find_ask
from evol.elimination.languages import Evidence
from evol.elimination.phrases import find_phrase
from evol.elimination.readings import ENGLISH, Reading
from evol.elimination.references import REFERENCES
from evol.elimination.tasks import VOICED, is_about
from evol.elimination.texts import compile_folded, count_words, find_units, fold

_PLACEHOLDER = compile_folded(
    r"""
    [\[<{(]{1,2}\s*(?:please )?(?:insert|paste|add|put|attach|enter|place|your|the|provide|include|einfügen|hier|
    insérer|insérez|collez|insertar|inserta|pega|inserir|insira|cole|inserire|inserisci|incolla|invoegen|plak|wstaw|
    wklej|вставь\w*|вставить|вставте|ekle|buraya|chèn|dán|masukkan|sisipkan|أدخل|ضع|הכנס|הדבק|यहाँ|यहां|在此|此处|插入|
    粘贴|ここに|여기에|ใส่|แทรก)[^\])}>\n]{0,60}[\])}>]{1,2}|[\[<{]{1,2}\s*(?:text|table|code|data|article|passage|
    image|input|paragraph|list|document|texto|texte|tabelle|testo|tekst|текст|код|文本|テキスト|텍스트)\s*(?:here|
    below)?\s*[\]}>]{1,2}"""
)
_TO_INSERT = compile_folded(
    r"""
    text|table|code|data|article|passage|paragraph|image|list|document|content|here|snippet|story|poem|email|hier|ici|
    aquí|aqui|qui|tutaj|сюда|сюди|buraya|đây|sini|هنا|כאן|यहाँ|यहां|此|ここ|여기|ที่นี่"""
)
_ANSWER = compile_folded(
    r"""
    answer|repl|respon|antwort|répon|rispon|odpow|odpov|svar|ответ|відпов|cevap|yanıt|trả lời|jawab|απαντ|أجب|ענ|पاسخ|
    जवाब|उत्तर|答|대답|답|ตอบ"""
)
_ATTACHED = compile_folded(
    r"""
    attach|enclos|anhang|angehängt|beigefügt|joint|adjunt|anex|allegat|bijge|załącz|přilož|bifoga|vedhæft|прил|
    прикреп|додан|ekte|ekli|مرفق|מצורף|पियوست|संलग्न|附|添付|첨부|แนบ|đính kèm|terlampir|συνημμ"""
)
# Without one of these words no English reference can match; most texts hold none.
_POINTERS = frozenset(
    """below above following attached enclosed accompanying provided given supplied attachment according based shown
    refer
    referring look looking read listed described""".split()  # noqa: SIM905
)
_WORKS = frozenset(
    """explain fix debug summarize summarise translate correct analyze analyse sort optimize optimise rewrite proofread
    solve convert describe refactor improve review interpret paraphrase edit complete classify check
    what s why""".split()  # noqa: SIM905
)
_PAYLOAD = re.compile(r"[:：]\s*(\S[^\n]*(?:\n[^\n]+)*)")
_MOST_MATERIALS = 100
_PARAGRAPHS = re.compile(r"\n\s*\n|\n")
_NUMBER = re.compile(r"(?<!\w)\d+(?:[.,:/]\d+)*(?!\w)")
_LISTED_NUMBERS = re.compile(r"\d+(?:[.,]\d+)?(?:(?:[ \t]?[,;،][ \t]?|[ \t]{1,3})-?\d+(?:[.,]\d+)?){2,}")
_VALUE = re.compile(r"\b[a-z]\s*=\s*-?\d+(?:[.,]\d+)?(?!\w)(?!\s*[-+*/^=²³])")
"""A value that is put in ("for n = 5"): no material by itself."""
_EQUATION = re.compile(r"[\w²³)]\s*[=<>≤≥]\s*[-\w(√]|[a-z]\s*[\^²³+*/]\s*\d|\d\s*[a-z]\b\s*[-+=]")


def find_lost(parent: Reading, child: Reading) -> str | None:
    """Material of the parent of which the child holds less than half; None where all is there.

    Small edits, renamed variables, rows added or a change of format are no loss.
    """
    if parent.text.strip() in child.text:
        return None
    child_units: set[str] | None = None
    for material, needed in islice(_list_materials(parent), _MOST_MATERIALS):
        if material.strip() in child.text:
            continue
        if child_units is None:
            child_units = _find_all_units(child.text)
        if "\n" in material and not child.inputs:
            needed = max(needed, 0.75)  # code and tables do not go into a sentence
        units = find_units(material)
        if units and len(units & child_units) < needed * len(units):
            return f"lost {' '.join(material.split())[:60]!r}"
    return None


def _find_all_units(text: str) -> set[str]:
    """Every unit of a text, the short words too."""
    return find_units(text) | set(Reading(text).words)


def _list_materials(reading: Reading) -> Iterator[tuple[str, float]]:
    """Pieces of material, each with the share of its units that must survive."""
    for piece in reading.inputs:
        bare = piece.strip("\"'“”„«»「」『』《》‘’` ")
        is_quotation = piece[:1] in "\"'“„«「『《‘»"
        if _PLACEHOLDER.fullmatch(fold(piece)) or (
            is_quotation and len(find_units(bare)) < 3 and count_words(bare) < 3
        ):
            continue
        if not find_units(bare):
            continue
        yield bare, 0.5
    if "\n" in reading.prose:
        paragraphs = [part for part in _PARAGRAPHS.split(reading.prose)[:_MOST_MATERIALS] if part.strip()]
        silent = [part for part in paragraphs if find_ask(Reading(part)) is not Ask.CLEARLY]
        if len(silent) < len(paragraphs):  # the order stands in a paragraph of its own
            yield from ((part, 0.4) for part in silent if count_words(part) >= 6)
    for match in _PAYLOAD.finditer(reading.prose):
        if count_words(match[1]) >= 4 and _is_material(match[1], reading.prose[: match.start()]):
            yield match[1], 0.35
            break
    numbers = set(_NUMBER.findall(reading.prose))
    if len(numbers) >= 3 or (len(numbers) >= 2 and _EQUATION.search(reading.prose)):
        yield " ".join(sorted(numbers)), 0.34


def _is_material(payload: str, before: str) -> bool:
    """Whether what stands behind a colon is worked on: it asks nothing, or the words before the colon announce it."""
    if find_ask(Reading(payload)) is Ask.NOT:
        return True
    return _ends_with_reference(before) and len(payload) > 12


def _ends_with_reference(before: str) -> bool:
    tail = before[-80:]
    found = find_phrase(REFERENCES, tail, Evidence(before).likely)
    return bool(found) and len(tail) - found.end() <= 12  # type: ignore[union-attr]


def find_missing(parent: Reading, child: Reading) -> str | None:
    """What the child points at without holding it, unless its parent points there in vain as well."""
    if match := _find_placeholder(child):
        return None if _find_placeholder(parent) else f"holds a placeholder: {match!r}"
    reference = _find_reference(child)
    if not reference or _holds_material(child, reference):
        return None
    before = _find_reference(parent)
    if before and not _holds_material(parent, before):
        return None
    return f"points at {reference[0]!r}"


def _find_placeholder(reading: Reading) -> str:
    """A stand-in outside code: "[insert text here]"."""
    for piece in reading.inputs:
        if "\n" not in piece and _PLACEHOLDER.fullmatch(folded := fold(piece)) and _TO_INSERT.search(folded):
            return folded[:60]
    if "(" in reading.prose:
        for match in _PLACEHOLDER.finditer(reading.prose):
            if _TO_INSERT.search(match[0]):
                return match[0][:60]
    return ""


def _find_reference(reading: Reading) -> re.Match[str] | None:
    if reading.likely == ENGLISH:
        words = reading.word_set
        works_on_this = bool(_WORKS & words) and ("this" in words or "these" in words)
        if not works_on_this and not _POINTERS & words:
            return None
    return find_phrase(REFERENCES, reading.prose, reading.likely_in_prose)


def _holds_material(reading: Reading, reference: re.Match[str]) -> bool:
    for piece in reading.inputs:
        bare = piece.strip("\"'“”„«»「」『』《》‘’ ")
        if _PLACEHOLDER.fullmatch(fold(piece)):
            continue
        if piece[:1] not in "\"'“„«「『《‘»" or count_words(bare) >= 3:
            return True
    prose = reading.prose
    if _LISTED_NUMBERS.search(prose) or _EQUATION.search(_VALUE.sub(" ", prose)):
        return True
    rest = prose[reference.end() :]
    match = _PAYLOAD.search(rest)
    if match and count_words(match[1]) >= 2 and not _ANSWER.search(rest[: match.start()]):
        if find_ask(Reading(match[1])) is not Ask.CLEARLY:
            return True
        if match.start() <= 30 and (match.start() <= 3 or "?" in match[1] or count_words(match[1]) >= 12):
            return True
    if _ATTACHED.search(reference[0]) and is_about(VOICED, prose):
        return True  # a letter may speak of what goes with it
    silent = [sentence for sentence in reading.sentences if find_ask(Reading(sentence)) is Ask.NOT]
    return sum(count_words(sentence) for sentence in silent if reference[0] not in sentence) >= 10
