"""What the rules are given: an evolved instruction or a response, with the texts around it.

Measures are taken once, and only if a rule asks for them: most texts are sound, and seen to be so at a glance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from evol.config import EliminatorConfig
from evol.elimination.languages import Evidence
from evol.elimination.texts import count_words, find_words, fold, split_inputs, split_sentences
from evol.packs import Kind

Finding = str | None
"""What a rule saw, for a human reader; None where it has nothing to say."""


ENGLISH = frozenset({"en"})
# Function words that no other language shares; four different ones at the beginning settle the matter.
_ENGLISH_ONLY = frozenset(
    """the and of that with which what how should would could you your this these those they from have has it its not be
    been
    are were their there than when where why who into each between about without using if write explain""".split()  # noqa: SIM905
)
HEAD = 400
"""Characters of a text that show its language, and in which a refusal or a question back would stand."""


def _is_plainly_english(folded: str) -> bool:
    """Whether "the" stands in an ASCII text as often as in English, and in no other language; false says nothing."""
    return folded.count(" the ") >= max(3, len(folded) // 250) and folded.isascii()


_T = TypeVar("_T")


class _Measure(Generic[_T]):
    """An attribute that is computed once: `functools.cached_property` without its lock, which costs most of it all."""

    def __init__(self, compute: Callable[[Any], _T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> _T:
        value = instance.__dict__[self._name] = self._compute(instance)
        return value


class Reading:
    """A text, and what the rules measure of it: each measure is taken once, and only if a rule asks for it.

    Attributes:
        text: as it stands.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @_Measure
    def folded(self) -> str:
        """The text for comparison."""
        return fold(self.text)

    @_Measure
    def words(self) -> list[str]:
        """All words, folded."""
        return find_words(self.folded)

    @_Measure
    def _parts(self) -> tuple[str, tuple[str, ...]]:
        return split_inputs(self.text)

    @_Measure
    def prose(self) -> str:
        """What speaks to the reader, folded: the text without code, data, tables and quotations."""
        return fold(self._parts[0]) if self._parts[1] else self.folded

    @property
    def inputs(self) -> tuple[str, ...]:
        """Code, data, tables, links and quotations, each as it stands."""
        return self._parts[1]

    @_Measure
    def sentences(self) -> list[str]:
        """Sentences of the prose."""
        return split_sentences(self.prose)

    @_Measure
    def likely_in_prose(self) -> frozenset[str]:
        """Languages that the prose may be written in."""
        is_english = _is_plainly_english(self.prose) or (len(self.prose) <= HEAD and self.likely == ENGLISH)
        return ENGLISH if is_english else self.evidence.likely

    @_Measure
    def evidence(self) -> Evidence:
        """What tells the language of the prose."""
        return Evidence(self.prose)

    @_Measure
    def word_set(self) -> frozenset[str]:
        """All words, folded, each once."""
        return frozenset(self.words)

    @_Measure
    def likely(self) -> frozenset[str]:
        """Languages that the beginning of the text may be written in."""
        head = self.folded[:HEAD]
        if _is_plainly_english(head):
            return ENGLISH
        if len(_ENGLISH_ONLY.intersection(head.split())) >= 4:
            return ENGLISH
        return self.evidence.likely if len(self.folded) <= HEAD and not self.inputs else Evidence(head).likely


@lru_cache(maxsize=512)  # twice the calls in flight, as far as these are usual
def read(text: str) -> Reading:
    """The reading of a text, kept for a while: an evolution is soon the task of a response, and a parent itself."""
    return Reading(text)


@dataclass(frozen=True)
class Evolution:
    """An evolved instruction as the rules see it.

    Attributes:
        text: the instruction after cleaning.
        finish_reason: of the evolver's reply.
        cut_thinking: the reply broke off inside its thinking.
        ancestors: seed first, parent last.
        labels: words of the pack's templates.
        operation: as it stands in rows.
        kind: in-depth extends its parent, in-breadth does not.
        settings: thresholds.
    """

    text: str
    finish_reason: str
    cut_thinking: bool
    ancestors: tuple[str, ...]
    labels: tuple[str, ...]
    operation: str
    kind: Kind
    settings: EliminatorConfig

    @property
    def parent(self) -> str:
        """The instruction that was evolved."""
        return self.ancestors[-1]

    @_Measure
    def child(self) -> Reading:
        """The evolved instruction, to be measured."""
        return read(self.text)

    @_Measure
    def before(self) -> Reading:
        """The parent, to be measured."""
        return read(self.parent)

    def count_allowed_words(self) -> float:
        """The most words an in-depth evolution of this parent may have."""
        settings = self.settings
        more = settings.length_words_input if self.operation in INPUT_OPERATIONS else settings.length_words
        return settings.length_factor * count_words(self.parent) + more


INPUT_OPERATIONS = ("complicate_input", "misleading_code")
"""The operations that put data or code into an instruction, and may therefore add more words."""


@dataclass(frozen=True)
class Response:
    """A response as the rules see it.

    Attributes:
        instruction: what was asked.
        response: what came back, without thinking.
        finish_reason: of the responder's reply.
        cut_thinking: the reply broke off inside its thinking.
        settings: thresholds.
    """

    instruction: str
    response: str
    finish_reason: str
    cut_thinking: bool
    settings: EliminatorConfig

    @_Measure
    def task(self) -> Reading:
        """The instruction, to be measured."""
        return read(self.instruction)

    @_Measure
    def given(self) -> Reading:
        """The response, to be measured."""
        return Reading(self.response)
