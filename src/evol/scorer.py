"""The scorer: how difficult is an instruction, 1 to 10? Pure but for loading its prompts.

The rating is the paper's (WizardLM, section 4: an LLM rates each instruction from 1 to 10). Rated alone, relatives come
out alike; all members of a lineage in one prompt are told apart better (Liu et al. 2023, arXiv 2312.15685, which scores
all versions of an instruction together). There the members stand in a drawn order, so that the place says nothing.

A reply is read only where it is clear: a line that is nothing but a rating, else the only number of the reply. Ranges,
several numbers and numbers off the scale are unclear.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evol.draws import draw_integer
from evol.figures import ScoreMode
from evol.files import data_folder
from evol.records import Message
from evol.templates import Template, find_free_tag, load_template

LOWEST, HIGHEST = 1, 10


@dataclass(frozen=True)
class ScorePrompts:
    """The prompts of one mode.

    Attributes:
        question: with `{{instruction}}`, or `{{instructions}}` for the joint mode.
        again: the line added when ratings were unreadable.
    """

    question: Template
    again: str

    @property
    def digest(self) -> str:
        """The sha256 of both."""
        return hashlib.sha256(f"{self.question.source}\0{self.again}".encode()).hexdigest()


def load_score_prompts(mode: ScoreMode) -> ScorePrompts:
    """The bundled prompts of a mode.

    Raises:
        PackError: a file is missing or its placeholders are wrong.
    """
    folder = data_folder("prompts") / "score"
    placeholder = "instruction" if mode == "single" else "instructions"
    question = load_template(folder / f"{mode}.txt", required={placeholder})
    return ScorePrompts(question, load_template(folder / f"{mode}_again.txt", required=set()).turns[-1][1])


def build_score_messages(prompts: ScorePrompts, mode: ScoreMode, texts: list[str], *, is_reask: bool) -> list[Message]:
    """Ask for the difficulty of one instruction, or of several in the order they are given; a re-ask adds one line."""
    if mode == "single":
        values = {"instruction": texts[0]}
    else:
        tag = find_free_tag("rated_instruction", texts)
        members = (f'<{tag} label="{number}">\n{text}\n</{tag}>' for number, text in enumerate(texts, start=1))
        values = {"instructions": "\n\n".join(members)}
    messages = prompts.question.render(values)
    if is_reask:
        messages[-1]["content"] += f"\n{prompts.again}"
    return messages


def draw_order(random_seed: int, seed_id: str, count: int) -> list[int]:
    """The order in which the members of a lineage are shown."""
    return sorted(range(count), key=lambda member: draw_integer(random_seed, "joint", seed_id, member))


def draw_place(random_seed: int, seed_id: str) -> int:
    """Place of a seed's rows among those of its generation: a sample of N takes the N lowest.

    The same seeds come first in every generation, and a larger sample holds every smaller one.
    """
    return draw_integer(random_seed, "score", seed_id)


# A number that stands alone: not part of a word, a version, a thousand or a negative; at most two decimals.
_NUMBER = r"(?<![\w.,])(?<![-−–])\d{1,2}(?:[.,]\d{1,2})?(?![.,]?\d)(?!\w)(?!\s*%)"
_ANY_NUMBER = re.compile(r"(?<!\w)\d+(?:[.,]\d+)*(?!\w)")  # never from the midst of a run of digits: linear time
_TOP = r"\s{0,3}(?:\(\s{0,3})?(?:/|out\s{1,3}of|of)\s{0,3}(?:10|ten)(?![.,]?\d)(?!\w)\)?"
_SCALE = re.compile(
    rf"{_TOP}|(?<![\w.,])1\s?(?:-|–|—|to|and|through)\s?10(?![.,]?\d)(?!\w)|(?<![\w.,])10[\s-]points?\b",
    re.IGNORECASE,
)
_LABEL_WORDS = (
    r"(?:(?:the|this|my|overall|final|difficulty|level|score|rating|rate|rated|answer|instruction|is|as|it|of|at|a|i"
    r"|would|be|d)\W+)"
)
_RATING_LINE = re.compile(rf"\W*{_LABEL_WORDS}{{0,10}}({_NUMBER})(?:{_TOP})?\W*", re.IGNORECASE)
_MEMBER_LINE = re.compile(
    r"\W*(?:(?:rated[_\s]+)?instruction\W+|label\W+|no\W+|number\W+)*(\d{1,3})"
    r"(?:\W{0,3}[\])}:|=]+|\.(?=\s)|\s+[-−–—]+(?=\s)|\W{0,2}\s+(?=score\b|rating\b|difficulty\b))(.*)",
    re.IGNORECASE,
)


def read_rating(reply: str) -> float | None:
    """The rating in a reply without thinking; None where it is not clear."""
    own = {match[1] for line in reply.splitlines() if (match := _RATING_LINE.fullmatch(line))}
    if not own:
        rest = _SCALE.sub(" ", reply)
        own = set(re.findall(_NUMBER, rest))
        if len({match[0] for match in _ANY_NUMBER.finditer(rest)}) > len(own):
            return None  # a year, a percentage: the reply speaks of other things as well
    values = {float(number.replace(",", ".")) for number in own}
    if len(values) != 1:
        return None
    value = values.pop()
    return value if LOWEST <= value <= HIGHEST else None


def read_ratings(reply: str, count: int) -> list[float | None]:
    """The ratings of members 1 … `count`, each by the line that names it, else all by as many lines in order."""
    lines = list(_split_lines(reply))
    found: dict[int, set[float | None]] = {}
    for line in lines:
        match = _MEMBER_LINE.fullmatch(line)
        if match and 1 <= int(match[1]) <= count and re.search(r"\d", match[2]):
            found.setdefault(int(match[1]), set()).add(read_rating(match[2]))
    if not found:
        alone = [read_rating(line) if _RATING_LINE.fullmatch(line) else None for line in lines]
        if len(alone) == count and None not in alone and not _are_labels_glued(alone):
            return alone
    # a member that is rated twice, and differently, is unclear
    return [ratings.pop() if len(ratings := found.get(member, {None})) == 1 else None for member in range(1, count + 1)]


def _are_labels_glued(ratings: list[float | None]) -> bool:
    """Whether "1.7", "2.4", … may be labels and ratings without a space between."""
    places = [int(rating or 0) for rating in ratings]
    return places == list(range(1, len(ratings) + 1)) and all(rating != int(rating or 0) for rating in ratings)


def _split_lines(reply: str) -> Iterator[str]:
    """The lines that hold digits; an object of JSON stands on one line as often as on several."""
    separator = r"\n|,\s*(?=[\"'])" if "{" in reply else r"\n"
    yield from (line for line in re.split(separator, reply) if re.search(r"\d", line))
