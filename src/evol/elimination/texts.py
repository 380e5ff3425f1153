"""Measures of a text in any script: its words, its prose, and the inputs it carries (code, tables, data, quotations).

Pure, and linear in the text, whatever a degenerate model repeats. What is data is told by its form alone; nothing here
knows a language.
"""

from __future__ import annotations

import re
import unicodedata

# One word: a run of letters and digits with their combining marks; each CJK, Kana or Thai character counts as one, for
# these scripts write without spaces.
_SINGLES = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARKS = r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u200c\u200d"
WORD = re.compile(rf"[{_SINGLES}]|[^\W_{_SINGLES}](?:[^\W_{_SINGLES}]|[{_MARKS}])*")
SINGLE = re.compile(rf"[{_SINGLES}]")
_ASCII_WORDS = "".join(chr(point) if chr(point).isalnum() else " " for point in range(128))
"""Every ASCII character, or a space where it is in no word: translating and splitting takes a third of a pattern."""
_LATIN_WORD = re.compile(r"[^\W_]+")
_BEYOND_LATIN = re.compile(r"[\u0300-\U0010ffff]")
"""Where combining marks and other scripts begin: without them, words and folding are simple and fast."""

_GREEK = dict(zip(map(ord, "άέήίόύώϊΐϋΰς"), "αεηιουωιιυυσ", strict=True))
# Apostrophes of one form; Arabic and Hebrew without vowel marks, Greek without accents (they wander in inflection),
# Turkish without the dot that case folding leaves.
_LEVELLED: dict[int, str | None] = {
    ord("’"): "'",
    ord("ʼ"): "'",
    0x0307: None,
    0x0640: None,
    0x200C: None,
    **dict.fromkeys(range(0x0591, 0x05C8)),
    **dict.fromkeys(range(0x064B, 0x0653)),
    **_GREEK,
}

_FENCED = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
_FENCE_TAG = re.compile(r"\A(?:```|~~~)[\w+#-]*[ \t]*(?=\n)")
_ENCLOSED = re.compile(
    r"""(?<![\d\w])"[^"\n]*"|“[^“”\n]*”|„[^„“”"\n]*[“”"]|«[^«»\n]*»|»[^«»\n]*«|「[^「」\n]*」|『[^『』\n]*』|《[^《》\n]*》
    |‘[^‘\n]*?’(?!\w)|(?<![\w])'[^'\n]{2,}'(?!\w)|`[^`\n]+`|\{[^{}\n]*\}|\[[^\[\]\n]*\]|\$[^$\n]+\$
    |<(\w+)\b[^<>\n]*>[^<>\n]*</\1>|<\w[^<>\n]*/?>|https?://[^\s<>"]+|www\.[^\s<>"]+""",
    re.VERBOSE,
)
_ENCLOSING = ('"', " '", "\n'", "`", "{", "[", "<", "$", "://", "www.")
_ENCLOSING_BEYOND = ("“", "„", "«", "»", "「", "『", "《", "‘")
# Lines that are data or code by their form.
_DATA_LINE = re.compile(
    r"""\s*\|.*\||[^|\n]+\|[^|\n]*\||[^\t\n]+\t[^\t\n]+\t|[-+|=:\s]{4,}$  # tables
    |\s*[}\])][}\]);,]*$|.*[{]$|.*[)\]'"\w][;}]$|.*\);$  # brackets and statements
    |\s*(?:def|class|fn|func|function)\s+\w+\s*[(:{<]|\s*from\s+\S+\s+import\s|\s*import\s+[\w.*{},\s]+;?$
    |\s*(?:public|private|static|void|const|let|var|return|print|echo|sudo|package|using|\#include)\b.*[=(){};<>"'*]
    |\s*(?:SELECT|INSERT\s+INTO|CREATE\s+TABLE|UPDATE|DELETE\s+FROM|FROM|WHERE|VALUES)\b
    |\s*</?[a-zA-Z!?][^>]*>|\s*[\[{](?!\s*[A-Za-z][\w\s]*\])|\s*"[^"\n]+"\s*:|\s*[\w.\[\]]+\s*[-+*/]?=\s*[^=\s,]+$
    |[^,;\n]+(?:,[^,;\s][^,;\n]*){2,}$|[^,;\n]+(?:;[^,;\s][^,;\n]*){2,}$  # CSV
    |\s*(?:>>>|\$\s|//|/\*|--\s)|\s*\[?\d{1,4}[-:/.]\d{2}[-:/.T]\d{2}|\s*\d{1,2}:\d{2}\s  # prompts, comments, logs""",
    re.VERBOSE,
)
_STATEMENT = re.compile(
    r"\s*(?:(?:SELECT|INSERT\s+INTO|CREATE\s+TABLE|UPDATE|DELETE\s+FROM)\b.*;|(?:def|class|import|from|const|let|var|print|echo|return)\b.*[=(){};'\"].*"
    r"|[\[{<][^a-z]?.*[\]}>]|[\w.]+\([^()]*\);?|[\w.]+\s*=\s*\S+)\s*\Z"
)
_INDENTED = re.compile(r"(?: {2}|\t)\s*\S")
_SENTENCE_END = re.compile(r"[.!?؟;:…][\"'”’»)\]*_]*(?:\s+|$)|[。！？；：।]|\n+")
_MOST_SENTENCES = 300
_HEADING = re.compile(r"^[ \t]*#{1,6}[ \t].*\n+", re.MULTILINE)
_MARKED_START = re.compile(r"[\s>#*_\-–—•+~]*(?:\(?\w{1,2}[.)]\s+)?[\s*_\"'“«„¿¡(\[]*")


_TYPOGRAPHY: dict[int, str] = {
    **{point: chr(point - 0xFEE0) for point in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(map(ord, "“”„‟«»「」『』＂"), '"'),
    **dict.fromkeys(map(ord, "‘’‚‛ʼ‹›"), "'"),
    **dict.fromkeys(map(ord, "‐‑"), "-"),
    **dict.fromkeys(map(ord, "\u200b\u200e\u200f\u00ad\ufeff¿¡"), ""),
}
_EMPHASIS = re.compile(r"\*\*([^\s*\d](?:[^*\n]*[^\s*])?)\*\*")
_HYPHEN = re.compile(r"(?<=[^\W\d_]{2})-(?=[^\W\d_]{2})")
_SPACE_BEFORE = re.compile(r" +(?=[?!%:;,.…)؟،؛？！：；，。])|(?<=\() +")


TAKEN = "¤"
"""Stands in the prose where a link, a quotation or inline data was."""


def count_words(text: str) -> int:
    """Words of a text in any script."""
    return len(find_words(text))


def find_words(text: str) -> list[str]:
    """The words of a text in any script, as they stand."""
    if text.isascii():
        return text.translate(_ASCII_WORDS).split()
    return (WORD if _BEYOND_LATIN.search(text) else _LATIN_WORD).findall(text)


def fold(text: str) -> str:
    """A text for comparison: case, Unicode composition, apostrophes, vowel marks and Greek accents levelled."""
    if text.isascii():
        return text.lower()
    folded = text.casefold().replace("’", "'")
    if not _BEYOND_LATIN.search(folded):
        return folded
    return unicodedata.normalize("NFC", folded).translate(_LEVELLED)


def level(text: str) -> str:
    """A text for comparison that has kept its length: case, apostrophes and Greek accents levelled."""
    lowered = text.replace("İ", "i").lower()
    lowered = lowered if len(lowered) == len(text) else text
    return lowered if lowered.isascii() else lowered.replace("’", "'").translate(_GREEK)


def compile_folded(pattern: str) -> re.Pattern[str]:
    """A regular expression for folded text: its letters beyond ASCII are folded, its escapes are not.

    Args:
        pattern: may be broken into lines, which are joined without their indentation and with nothing between them.
    """
    joined = "".join(line.lstrip() for line in pattern.splitlines())
    return re.compile("".join(char if char.isascii() else fold(char) for char in joined))


def normalise(text: str) -> str:
    """A text for the question whether two are the same: folded, white space and punctuation around it gone."""
    words = " ".join(unicodedata.normalize("NFC", text).casefold().split())
    return words.strip(" \"'.,!?:;“”‘’«»`*_")


def holds_pictures(text: str) -> bool:
    """Whether a text holds emoji or other symbols that are neither words nor signs of mathematics."""
    return any(unicodedata.category(char) == "So" for char in text)


def find_key(text: str) -> str:
    """A text for the question whether two ask the same: case, typography and spacing gone, every sign that counts kept.

    Quotes, hyphens inside words, full-width forms, emphasis, spaces before marks, the dots of the Turkish i. Signs of
    mathematics, accents and "ß" stay: they can make another task of it.
    """
    text = unicodedata.normalize("NFC", text)
    if not text.isascii():
        text = text.translate(_TYPOGRAPHY)
    if "**" in text:
        text = _EMPHASIS.sub(r"\1", text)
    words = " ".join(text.lower().replace("i\u0307", "i").replace("ı", "i").split())
    words = _SPACE_BEFORE.sub("", _HYPHEN.sub(" ", words))
    return words.strip(" \"'.,!?:;…`*_،؛؟。、।")


def find_units(text: str) -> set[str]:
    """What a text can be recognised by inside another: its words and numbers, pairs of characters in CJK and Thai.

    Short words are left out where enough others remain.
    """
    words = find_words(fold(text))
    if not text.isascii():
        singles = [bool(SINGLE.match(word)) for word in words]
        pairs = [a + b for a, b, one, two in zip(words, words[1:], singles, singles[1:], strict=False) if one and two]
        words = [*pairs, *(word for word, single in zip(words, singles, strict=True) if not single)]
    telling = {word for word in words if len(word) > 3 or not word.isascii() or not word.isalpha()}
    return telling if len(telling) >= 3 else set(words)


def split_sentences(prose: str) -> list[str]:
    """Sentences, split at colons and line ends too, without the list marks and emphasis before them."""
    if "#" in prose:
        prose = _HEADING.sub("", prose) or prose  # a title asks for nothing
    parts = [part for part in _SENTENCE_END.split(prose) if part and not part.isspace()]
    if len(parts) > _MOST_SENTENCES:  # a text this long shows at both ends what it is
        parts = [*parts[: _MOST_SENTENCES - 50], *parts[-50:]]
    return [part[_MARKED_START.match(part).end() :].strip() for part in parts]  # type: ignore[union-attr]


def split_inputs(text: str) -> tuple[str, tuple[str, ...]]:
    """Tell prose and inputs of a text apart.

    Returns:
        The prose, and every code block, table, data line, link and quotation, in that order of kinds.
    """
    inputs: list[str] = []
    if "```" in text or "~~~" in text:
        inputs += [_FENCE_TAG.sub("", match[0]).strip("`~\n") for match in _FENCED.finditer(text)]
        text = _FENCED.sub("\n", text)
    if "\n" in text.strip():
        text = _take_data_lines(text, inputs)
    if _may_enclose(text):
        inputs += [match[0] for match in _ENCLOSED.finditer(text)]
        text = _ENCLOSED.sub(f" {TAKEN} ", text)
    return text, tuple(inputs)


def is_data(text: str) -> bool:
    """Whether every line of a text is code or data by its form; a single line must be nothing else."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) == 1:
        return bool(_STATEMENT.match(lines[0]))
    return bool(lines) and all(_DATA_LINE.match(line) for line in lines)


def _may_enclose(text: str) -> bool:
    for sign in _ENCLOSING if text.isascii() else (*_ENCLOSING, *_ENCLOSING_BEYOND):
        if sign in text:
            return True
    return text.startswith("'")


def _take_data_lines(text: str, inputs: list[str]) -> str:
    """Move runs of data lines from a text to `inputs`; what is indented below one belongs to it."""
    kept: list[str] = []
    run: list[str] = []
    for line in [*text.split("\n"), ""]:
        is_data = bool(line.strip()) and bool(_DATA_LINE.match(line) or (run and _INDENTED.match(line)))
        if is_data:
            run.append(line)
            continue
        if run:
            inputs.append("\n".join(run))
            run = []
        kept.append(line)
    return "\n".join(kept)
