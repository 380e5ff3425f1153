"""Repairs of a reply before anything judges it; pure functions from text to text.

Narrow on purpose: what belongs to the instruction stays. A repair is made only where the parent does not look the same
(a seed that begins with "Note:" or stands in quotes keeps both), and each one is named, so that it can be counted:
`thinking`, `markers`, `fence`, `quotes`, `label`, `preamble`, `note`. The words by which labels, preambles and notes
are known in some twenty-five languages stand in `scaffold.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from evol.elimination.scaffold import is_label, is_note, skip_preamble

_THINK = re.compile(r"\A\s*<(think|thinking)>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_OPEN_THINK = re.compile(r"\A\s*<(?:think|thinking)>", re.IGNORECASE)
_OPENING = re.compile(r"<new_instruction>", re.IGNORECASE)
_CLOSING = re.compile(r"</new_instruction>", re.IGNORECASE)
_WRAPPED = re.compile(
    r"\A<([a-z_]{0,30}(?:instruction|prompt|question|task)[a-z_]{0,30})>(.*)</\1>\Z", re.DOTALL | re.IGNORECASE
)
_FENCE = re.compile(r"\A(`{3,})[ \t]*(?:text|txt|markdown|md|plaintext|plain)?[ \t]*\n(.*)\n\1[ \t]*\Z", re.DOTALL)
_HEAD = re.compile(
    r"[#*_\s\[(>-]*([^\n:：#*\[\]()<>\"”»]{2,60})[#*_\])>\"”»]*[ \t]*(?:([:：])[*_\"”»]*|\n|(?<=[#*\])>]))\s*"
)
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,})\s*\Z")
_MAX_LAYERS = 20  # a model that repeats a label a thousand times is not worth a thousand passes
_LAST_LINES = 40
"""Lines at the end of a reply among which a note about it may begin."""
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
    if "<" not in text[:200]:
        return Cleaned(text.strip())
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
    text, repairs = thought.text, list(thought.repairs)
    if "<" in text:
        text = _take_marked(text, parent, repairs)
    kept = parent.strip()
    for _ in range(_MAX_LAYERS):
        for name, peel in _PEELS:  # what encloses the whole goes before what stands at one end
            peeled = peel(text).strip()
            # the parent is looked at only where there is something to repair, which is rare
            if peeled != text and peel(kept).strip() == kept:
                text = peeled
                repairs.append(name)
                break
        else:
            break
    return Cleaned(text, tuple(repairs), thought.truncated)


def _take_marked(text: str, parent: str, repairs: list[str]) -> str:
    """What stands between the first opening and the last closing marker; one of the two may be forgotten."""
    opening = _OPENING.search(text)
    closings = [match.start() for match in _CLOSING.finditer(text)]
    if not (opening or closings) or _OPENING.search(parent) or _CLOSING.search(parent):
        return text
    if not opening or not closings:
        repairs.append("markers")
    start = opening.end() if opening else 0
    end = closings[-1] if closings and closings[-1] >= start else len(text)
    return text[start:end].strip()


def _peel_markers(text: str) -> str:
    """Tags of the model's own around the whole."""
    match = _WRAPPED.match(text) if text[:1] == "<" else None
    return match[2] if match and f"</{match[1]}" not in match[2] else text


def _peel_fence(text: str) -> str:
    match = _FENCE.match(text) if text[:3] == "```" else None
    return match[2] if match and match[1] not in match[2] else text


def _peel_quotes(text: str) -> str:
    closing = _QUOTES.get(text[:1])
    if closing is None or len(text) <= 2 or not text.endswith(closing):
        return text
    inner = text[1:-1]
    return inner if closing not in inner and text[0] not in inner else text


def _peel_label(text: str) -> str:
    match = _HEAD.match(text, 0, 120)
    if not match or not is_label(match[1], has_colon=bool(match[2]), is_marked=text[:1] in "#*[(<_"):
        return text
    return text[match.end() :]


def _peel_preamble(text: str) -> str:
    rest = text[skip_preamble(text[:300]) :]
    return rest if rest.strip() else text


def _peel_note(text: str) -> str:
    """Cut where a paragraph, or a labelled line, begins to speak about the rewriting; a rule before it goes too."""
    if "\n" not in text:
        return text
    lines = text.split("\n")
    for number in range(len(lines) - 1, max(0, len(lines) - _LAST_LINES), -1):
        before = lines[number - 1]
        if lines[number].strip() and is_note(
            lines[number], own_paragraph=not before.strip() or bool(_RULE.match(before))
        ):
            kept = "\n".join(lines[:number]).rstrip()
            if kept.count("```") % 2:
                continue  # it stands inside a fence, which goes first
            last = kept.rpartition("\n")[2]
            return kept[: -len(last)] if last and _RULE.match(last) else kept
    return text


_PEELS = (
    ("markers", _peel_markers),
    ("fence", _peel_fence),
    ("quotes", _peel_quotes),
    ("label", _peel_label),
    ("preamble", _peel_preamble),
    ("note", _peel_note),
)
