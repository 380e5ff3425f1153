"""`evol show`: one lineage on the terminal, from the seed on, with what each evolution changed.

Where colours are shown, words that were added are underlined and green, those that were removed struck through and red;
elsewhere (a pipe, NO_COLOR, a dumb terminal) they stand as `{+added+}` and `[-removed-]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from evol.differences import compare
from evol.elimination.texts import count_words
from evol.figures import ShownLineage
from evol.progress import clean_for_terminal
from evol.rows import RowDict

RESPONSE_CHARS = 600
INSTRUCTION_CHARS = 4000
"""Longer texts are cut unless all was asked for."""

_INDENT = 2
Piece = tuple[str, str]
"""A text and its style: "", "added" or "removed"."""
_STYLES = {"added": "green underline", "removed": "red strike", "": ""}
_MARKS = {"added": "{+%s+}", "removed": "[-%s-]", "": "%s"}


def print_lineage(found: ShownLineage, *, full: bool) -> None:
    """Print a lineage to stdout.

    Args:
        found: the lineage.
        full: whether long texts are shown whole.
    """
    page = _Page(full)
    page.head([(f"{found.folder}: seed {found.seed_id}", "bold"), (found.status, "")])
    by_generation = {row["generation"]: row for row in found.rows}
    for row in found.rows:
        page.show_row(row, _find_parent(row, by_generation), found)
    if missing := found.generations + 1 - len(found.rows):
        first = len(found.rows)
        which = f"generation {first}" if missing == 1 else f"generations {first} to {found.generations}"
        is_going_on = found.status in ("in progress", "killed")
        page.head([(which, "bold"), ("not there yet" if is_going_on else "unfinished", "yellow"), (found.error, "")])
    if not page.is_coloured and found.rows[1:]:
        page.note("{+added+} and [-removed-] against the parent")


def _find_parent(row: RowDict, by_generation: dict[int, RowDict]) -> RowDict | None:
    number = row["parent_id"].rpartition(".")[2]
    return by_generation.get(int(number)) if number.isdecimal() else None


class _Page:
    """Writes to stdout; knows how differences can be shown there."""

    def __init__(self, full: bool) -> None:
        self._console = Console(highlight=False, emoji=False, markup=False)
        self._full = full
        self.is_coloured = bool(self._console.is_terminal and self._console.color_system and not self._console.no_color)

    def head(self, pieces: Iterable[Piece]) -> None:
        """A line of facts, separated by dots; empty ones left out."""
        line = Text()
        for text, style in pieces:
            if text:
                line.append(" · " if line else "").append(clean_for_terminal(text).replace("\n", " "), style)
        self._console.print(line, soft_wrap=not self._console.is_terminal)

    def note(self, text: str) -> None:
        """A remark."""
        self._write([(text, "")], "dim")

    def show_row(self, row: RowDict, parent: RowDict | None, lineage: ShownLineage) -> None:
        """One generation."""
        generation, reason = row["generation"], row.get("reason", "")
        words = count_words(row["instruction"])
        grown = f" ({words - count_words(parent['instruction']):+,})" if parent else ""
        origin = ""
        if parent and parent["generation"] != generation - 1:
            origin = f"from generation {parent['generation']}" if parent["generation"] else "from the seed"
        self._console.print()
        self.head(
            [
                (f"generation {generation}" if generation else "seed", "bold"),
                (row["operation"] if generation else "", "cyan"),
                (f"eliminated: {reason}" if reason else "kept" if generation else "", "red" if reason else "green"),
                (origin, ""),
                (f"{words:,} words{grown}", ""),
                *((f"difficulty {score:g} ({mode})", "") for mode, score in lineage.scores.get(row["id"], {}).items()),
                ("the one asked for" if generation == lineage.asked else "", "bold yellow"),
            ]
        )
        if row.get("detail"):
            self._write([(row["detail"], "")], "red")
        self._write(self._shorten(self._differ(row, parent), INSTRUCTION_CHARS) or [("no instruction", "")])
        if row["response"]:
            self.note(f"response, {count_words(row['response']):,} words")
            self._write(self._shorten([(row["response"], "")], RESPONSE_CHARS), indent=2 * _INDENT)
        else:
            self.note("no response was asked for, or none came" if reason else "no response")

    def _differ(self, row: RowDict, parent: RowDict | None) -> list[Piece]:
        parts = compare(parent["instruction"], row["instruction"]) if parent else None
        if parts is None:
            if parent and row["instruction"]:
                self.note("shares little with its parent (or is too long): shown without differences")
            return [(row["instruction"], "")] if row["instruction"] else []
        pieces = []
        for part in parts:
            pieces += [(part.new, "")] if part.is_same else [(part.old, "removed"), (part.new, "added")]
        return [piece for piece in pieces if piece[0]]

    def _shorten(self, pieces: list[Piece], most: int) -> list[Piece]:
        total = sum(len(text) for text, _ in pieces)
        if self._full or total <= most:
            return pieces
        found, room = [], most
        for text, style in pieces:
            found.append((text[:room], style))
            room -= len(text[:room])
            if not room:
                break
        return [*found, (f" … {total - most:,} more characters, --full shows them", "")]

    def _write(self, pieces: Iterable[Piece], style: str = "", indent: int = _INDENT) -> None:
        shown = Text(style=style)
        for text, kind in pieces:
            for piece in self._mark(clean_for_terminal(text), kind):
                shown.append(*piece)
        if self._console.is_terminal:
            self._console.print(Padding(shown, (0, 0, 0, indent)))
        else:  # lines as they are, for whatever reads them
            margin = " " * indent
            self._console.print(Text(margin + shown.plain.replace("\n", f"\n{margin}")), soft_wrap=True)

    def _mark(self, text: str, kind: str) -> Iterator[Piece]:
        """Yield a text with its style, or in marks; the space at its end stays outside."""
        core = text.rstrip()
        if not core or not kind:
            yield text, ""
            return
        yield (core, _STYLES[kind]) if self.is_coloured else (_MARKS[kind] % core, "")
        yield text[len(core) :], ""
