"""Repairs of a reply before anything judges it; pure functions from text to text.

Narrow on purpose: what belongs to the instruction stays. A repair is made only where the parent does not look the same
(a seed that begins with "Note:" or stands in quotes keeps both), and each one is named, so that it can be counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_THINK = re.compile(r"\A\s*<(think|thinking)>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_OPEN_THINK = re.compile(r"\A\s*<(?:think|thinking)>", re.IGNORECASE)
_OPENING = re.compile(r"<new_instruction>", re.IGNORECASE)
_CLOSING = re.compile(r"</new_instruction>", re.IGNORECASE)
_FENCE = re.compile(r"\A(`{3,})[ \t]*(?:text|txt|markdown|md|plaintext|plain)?[ \t]*\n(.*)\n\1[ \t]*\Z", re.DOTALL)
_LABEL = re.compile(
    r"\A[#*_\s\[(]*(?:the\s+)?(?:rewritten|created|new|evolved|revised|harder|updated|modified)[ _]"
    r"(?:prompt|instruction|task|question)[#*_\s\])]*(?::[*_]*|(?<=#)|(?<=\*)|\n)\s*",
    re.IGNORECASE,
)
_PREAMBLE = re.compile(
    r"\A(?:(?:sure|certainly|of course|absolutely|okay|ok|great)\b[^\n]{0,40}?[,.!:]\s*)?"
    r"(?:here(?:'s|’s| is| are)\b[^\n:]{0,120}:|below is\b[^\n:]{0,120}:)\s*",
    re.IGNORECASE,
)
_ACKNOWLEDGEMENT = re.compile(r"\A(?:sure|certainly|of course|absolutely)\b[^\n]{0,60}[!.:]\s*\n+", re.IGNORECASE)
_PARAGRAPH_BREAK = re.compile(r"\n(?:[ \t]*\n)+")
_NOTE = re.compile(
    r"[\s(\[*_]*(?:note|explanation|changes(?: made)?|what changed|rationale)\b[*_]*\s*:"
    r"(?=[^\n]*\b(?:add|added|adds|change|changed|rewr\w+|prompt|instruction|constraint|complex\w*|original)\b)",
    re.IGNORECASE,
)
_MAX_LAYERS = 10  # a model that repeats a label a thousand times is not worth a thousand passes
_QUOTES = {'"': '"', "“": "”", "«": "»", "「": "」", "„": "“", "'": "'", "‘": "’"}


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A reply after its repairs.

    Attributes:
        text: what is left.
        repairs: names of what was repaired, in order.
        truncated: the reply broke off inside its thinking.
    """

    text: str
    repairs: tuple[str, ...] = ()
    truncated: bool = False


def strip_thinking(text: str) -> Cleaned:
    """Remove leading `<think>…</think>` blocks; one that never closes leaves nothing and counts as truncated."""
    repairs: tuple[str, ...] = ()
    while match := _THINK.match(text):
        text, repairs = text[match.end() :], ("thinking",)
    if _OPEN_THINK.match(text):
        return Cleaned("", ("thinking",), truncated=True)
    return Cleaned(text.strip(), repairs)


def clean_instruction(reply: str, parent: str) -> Cleaned:
    """The instruction inside an evolver's reply.

    Text between the markers that the prompt asked for is taken; a reply without them is taken whole. Then scaffold is
    peeled off until nothing changes: fence or quotes around the whole, label lines, preambles, a trailing note on what
    was changed. Takes time linear in the reply, whatever a degenerate model repeats.

    Args:
        reply: the model's text as it came.
        parent: the instruction that was evolved; what it shows itself is no scaffold.
    """
    thought = strip_thinking(reply)
    text, repairs = _take_marked(thought.text, parent), list(thought.repairs)
    peels = [(name, peel) for name, peel in _PEELS if peel(parent.strip()).strip() == parent.strip()]
    for _ in range(_MAX_LAYERS):
        before = text
        for name, peel in peels:
            peeled = peel(text).strip()
            if peeled != text:
                text = peeled
                repairs.append(name)
        if text == before:
            break
    return Cleaned(text, tuple(repairs), thought.truncated)


def _take_marked(text: str, parent: str) -> str:
    """What stands between the first opening and the last closing marker; a forgotten closing one is forgiven."""
    opening = _OPENING.search(text)
    if not opening or _OPENING.search(parent):
        return text
    end = max((closing.start() for closing in _CLOSING.finditer(text)), default=len(text))
    return text[opening.end() : end].strip() if end > opening.end() else text


def _peel_fence(text: str) -> str:
    match = _FENCE.match(text)
    return match[2] if match and match[1] not in match[2] else text


def _peel_quotes(text: str) -> str:
    closing = _QUOTES.get(text[:1])
    inner = text[1:-1]
    is_whole = closing is not None and len(text) > 2 and text.endswith(closing) and closing not in inner
    return inner if is_whole and text[0] not in inner else text


def _peel_label(text: str) -> str:
    return _LABEL.sub("", text, count=1)


def _peel_preamble(text: str) -> str:
    for pattern in (_PREAMBLE, _ACKNOWLEDGEMENT):
        rest = pattern.sub("", text, count=1)
        if rest != text and rest.strip():
            return rest
    return text


def _peel_note(text: str) -> str:
    for gap in _PARAGRAPH_BREAK.finditer(text):
        if _NOTE.match(text, gap.end()):
            return text[: gap.start()]
    return text


_PEELS = (
    ("fence", _peel_fence),
    ("quotes", _peel_quotes),
    ("label", _peel_label),
    ("preamble", _peel_preamble),
    ("note", _peel_note),
)
