"""What a row must be to enter the mix, judged row by row: a response, and whatever the options ask for."""

from __future__ import annotations

from dataclasses import dataclass

from evol.config import EliminatorConfig
from evol.elimination.texts import count_words
from evol.eliminator import Response, check_response
from evol.mixing.language import LanguageGate
from evol.mixing.options import MixOptions
from evol.mixing.private import find_private, name_private
from evol.records import Row
from evol.tokens import TokenCounter

Fault = tuple[str, str]
"""Why a row is left out, and further words."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One row as the gates see it.

    Attributes:
        instruction_tokens: counted or estimated.
        response_tokens: counted or estimated.
        private: bits of `private.PRIVATE_KINDS`.
        fault: None where the row may enter.
    """

    instruction_tokens: int
    response_tokens: int
    private: int
    fault: Fault | None


class Gates:
    """The gates of one merge.

    Args:
        options: checked.

    Raises:
        UsageError: the tokenizer cannot be read, a language is unknown, or a library is not installed.
    """

    def __init__(self, options: MixOptions) -> None:
        self._options = options
        self._windows = options.windows
        self.counter = TokenCounter(options.tokenizer, "merge")
        self._language = LanguageGate(options.language) if options.language else None
        self.system_tokens = self.counter.count([options.system])[0]

    def judge(self, rows: list[Row], settings: list[EliminatorConfig]) -> list[Judged]:
        """Judge rows; many at once, because tokens are counted in batches.

        Args:
            rows: the rows.
            settings: of the eliminator of the run that each row is from.
        """
        tokens = self.counter.count([text for row in rows for text in (row.instruction, row.response)])
        judged = []
        for number, row in enumerate(rows):
            asked, answered = tokens[2 * number : 2 * number + 2]
            private = find_private(row.instruction) | find_private(row.response)
            fault = find_fault(row, settings[number]) or self._find_fault(row, asked, answered, private)
            judged.append(Judged(asked, answered, private, fault))
        return judged

    def _find_fault(self, row: Row, asked: int, answered: int, private: int) -> Fault | None:
        for name, window in self._windows.items():
            match name:
                case "instruction_words":
                    length, unit = count_words(row.instruction), "words"
                case "response_words":
                    length, unit = count_words(row.response), "words"
                case "instruction_tokens":
                    length, unit = asked, "tokens"
                case _:
                    length, unit = answered, "tokens"
            if not window.holds(length):
                return name, f"{length} {unit}"
        total = self.system_tokens + asked + answered
        if self._options.max_tokens is not None and total > self._options.max_tokens:
            return "max_tokens", f"{total} tokens"
        if self._language and (code := self._language.find_foreign(row.instruction)):
            return "language", code
        if self._options.drop_private and private:
            return "private", name_private(private)
        return None


def find_fault(row: Row, settings: EliminatorConfig) -> Fault | None:
    """What bars a row from every mix: no response, or a generated seed response that breaks an elimination rule."""
    if not row.response.strip():
        return "no_response", ""
    if row.generation or not row.response_model:
        return None  # survivors have passed the rules; a seed's own response is its author's
    found = check_response(
        Response(row.instruction, row.response, row.finish_reason, cut_thinking=False, settings=settings)
    )
    return (f"seed_{found[0]}", found[1]) if found else None
