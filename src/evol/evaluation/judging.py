"""The pairwise judge: build its prompt, read its two scores. Pure but for loading the prompt.

The framework is the paper's (WizardLM, section on evaluation; after Vicuna's): a strong model reads one instruction
with two responses and gives each a score from 1 to 10 with a reason. The texts stand between lines of a mark that is a
digest of them, so no response can close its own frame.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import orjson

from evol.files import data_folder
from evol.records import Message
from evol.templates import Template, load_template

_PLACEHOLDERS = {"instruction", "first", "second", "fence"}
_NUMBER = r"(\d{1,2}(?:\.\d+)?)(?: ?/ ?10| out of 10)?"
_BETWEEN = r"(?: ?[,;&|] ?| and | vs\.? | )"
_DECORATION = re.compile(r"[*_`#\[\]()<>{}\"]")
_PAIR = re.compile(rf"\W*{_NUMBER}{_BETWEEN}{_NUMBER}\W*")
_MARKED_PAIR = re.compile(rf".*\bscores?(?: are| is)? ?[:=] ?{_NUMBER}{_BETWEEN}{_NUMBER}\W*", re.IGNORECASE)
_LABELLED = re.compile(
    r"\W*(?:(?:final|overall|the) )*(?:scores? (?:of|for) (?:the )?)?(?:(?:response|assistant|answer|output|model) ?)?"
    r"(?P<which>first|second|[12ab])(?: (?:response|assistant|answer))?(?:['’]s)?(?: scores?)? ?(?:[:=|-]|is) ?"
    rf"(?:scores? ?[:=]? ?)?{_NUMBER}\W*",
    re.IGNORECASE,
)
_LABELLED_INLINE = re.compile(
    rf"\b(?:response|assistant|answer) ?(?P<which>[12ab]) ?[:=] ?{_NUMBER}(?![\w.%])", re.IGNORECASE
)
_OBJECT = re.compile(r"\{[^{}]*\}")
_KEY = re.compile(r"(?:.*[_\W])?(first|second|[12ab])(?:[_\W].*)?", re.IGNORECASE)
_FIRST = {"first", "1", "a"}


@dataclass(frozen=True)
class JudgePrompt:
    """The judge's prompt.

    Attributes:
        template: with the placeholders instruction, first, second, fence.
        reask: added when a verdict was unreadable.
    """

    template: Template
    reask: str

    @classmethod
    def load(cls) -> JudgePrompt:
        """The bundled one.

        Raises:
            PackError: names file and line of a fault.
        """
        folder = data_folder("prompts") / "evaluation"
        reask = load_template(folder / "reask.txt", required=set())
        return cls(load_template(folder / "compare.txt", required=_PLACEHOLDERS), reask.turns[-1][1])

    @property
    def digest(self) -> str:
        """The sha256 of what the judge is told."""
        return hashlib.sha256(f"{self.template.source}\0{self.reask}".encode()).hexdigest()

    def build_messages(self, instruction: str, first: str, second: str, *, is_reask: bool) -> list[Message]:
        """The question about two responses, in the order in which the judge shall read them."""
        values = {"instruction": instruction, "first": first, "second": second}
        values["fence"] = _draw_fence(instruction, first, second)
        messages = self.template.render(values)
        if is_reask:
            messages[-1]["content"] += f"\n\n{self.reask}"
        return messages


def _draw_fence(*texts: str) -> str:
    """A mark that no author of a text can know beforehand; the same in both orders."""
    digest = hashlib.sha256("\0".join(sorted(texts)).encode()).hexdigest()
    return f"=====[{digest[:16]}]"


def parse_scores(reply: str) -> tuple[float, float] | None:
    """The scores of the first and the second response, None where they cannot be read.

    Read are, the last of each kind first: a line `SCORES: 8 7`; a line with two numbers alone (Vicuna's shape); a line
    for each response (`Response 1: 8/10`, `Second: 7`); both on one line; a JSON object with two numbers. A number may
    be decimal and may say "/10"; one beyond 1 to 10 makes the verdict unreadable.

    Args:
        reply: the judge's text, without thinking.
    """
    # single spaces, so that no pattern below can try two ways through a run of them
    lines = [" ".join(_DECORATION.sub(" ", line).split()) for line in reply.splitlines()]
    for pattern in (_MARKED_PAIR, _PAIR):
        for line in reversed(lines):
            if match := pattern.fullmatch(line):
                return _check(match[1], match[2])
    return _read_labelled(lines) or _read_inline(lines) or _read_json(reply)


def _read_labelled(lines: list[str]) -> tuple[float, float] | None:
    found: dict[bool, str] = {}
    for line in reversed(lines):
        if match := _LABELLED.fullmatch(line):
            found.setdefault(match["which"].casefold() in _FIRST, match[2])
    return _check(found[True], found[False]) if len(found) == 2 else None


def _read_inline(lines: list[str]) -> tuple[float, float] | None:
    for line in reversed(lines):
        found = {match["which"].casefold() in _FIRST: match[2] for match in _LABELLED_INLINE.finditer(line)}
        if len(found) == 2:
            return _check(found[True], found[False])
    return None


def _read_json(reply: str) -> tuple[float, float] | None:
    for match in reversed(list(_OBJECT.finditer(reply[-20_000:]))):
        try:
            value = orjson.loads(match[0])
        except orjson.JSONDecodeError:
            continue
        found = {
            named[1].casefold() in _FIRST: number
            for key, number in value.items()
            if _is_number(number) and (named := _KEY.fullmatch(key))
        }
        if len(found) == 2:
            return _check(found[True], found[False])
        for numbers in value.values():
            if isinstance(numbers, list) and len(numbers) == 2 and all(map(_is_number, numbers)):
                return _check(*numbers)
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(first: str | float, second: str | float) -> tuple[float, float] | None:
    scores = float(first), float(second)
    return scores if all(1 <= score <= 10 for score in scores) else None
