"""`pack.toml` as a table that knows on which line each of its keys stands, which `tomllib` does not tell."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evol.errors import PackError
from evol.files import read_lines

Keys = tuple[str, ...]
"""A path into nested tables, e.g. ("operations", "deepen", "kind")."""


@dataclass(frozen=True)
class PackFile:
    """A parsed `pack.toml`.

    Attributes:
        path: the file.
        lines: its text.
        table: its content.
    """

    path: Path
    lines: list[str]
    table: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> PackFile:
        """Read and parse the file.

        Raises:
            PackError: unreadable, or no TOML; names the line.
        """
        lines = [line for _, line in read_lines(path, PackError)]
        try:
            return cls(path, lines, tomllib.loads("\n".join(lines)))
        except tomllib.TOMLDecodeError as error:
            place = re.search(r"\(at line (\d+)", str(error))  # else "at end of document"
            line = int(place[1]) if place else max(1, len(lines))
            raise PackError(f"{path}:{line}: not valid TOML: {error}", "mend that line") from None
        except (ValueError, RecursionError):  # a number of thousands of digits, bottomless nesting: the longest line
            line = 1 + max(range(len(lines)), key=lambda index: len(lines[index]))
            raise PackError(f"{path}:{line}: not valid TOML: an absurdly long value", "mend that line") from None

    def fault(self, keys: Keys, message: str, hint: str) -> PackError:
        """The error that something is wrong at a key; names its line, or its table's where the key is missing."""
        return PackError(f"{self.path}:{find_line(self.lines, keys)}: {message}", hint)

    def get(self, keys: Keys, default: Any = None) -> Any:
        """The value at a path of keys."""
        value: Any = self.table
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                return default
            value = value[key]
        return value

    def subtable(self, keys: Keys) -> dict[str, Any]:
        """The table at a path of keys.

        Raises:
            PackError: missing, or no table.
        """
        value = self.get(keys)
        if not isinstance(value, dict):
            raise self.fault(keys, f"[{'.'.join(keys)}] is missing or no table", "see a bundled pack")
        return value

    def line_of_text(self, keys: Keys, default: str | None = None) -> str:
        """The string at a path of keys: one line, with something on it.

        Raises:
            PackError: anything else, or missing without a default.
        """
        value = self.get(keys, default)
        if value == default and default is not None:
            return default
        if not isinstance(value, str) or not value.strip() or len(value.splitlines()) > 1:
            raise self.fault(keys, f"{'.'.join(keys)} must be one line of text", f'write {keys[-1]} = "…"')
        return value

    def strings(self, keys: Keys) -> tuple[str, ...]:
        """The list of strings at a path of keys, none of them blank; empty where the key is missing.

        Raises:
            PackError: anything else.
        """
        value = self.get(keys, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise self.fault(keys, f"{'.'.join(keys)} must be a list of texts", f'write {keys[-1]} = ["…"]')
        return tuple(value)


def find_line(lines: list[str], keys: Keys) -> int:
    """The line, from 1, where a path of keys begins; the line of its nearest table where it does not exist.

    Each statement is parsed by itself below the table header that it stands under, so that every spelling which TOML
    knows (dotted keys, inline tables, quoted keys) is understood.

    Args:
        lines: of a valid TOML file.
        keys: what to find.
    """
    deepest, found = 0, 1
    header, statement, begin = "", "", 1
    for number, line in enumerate(lines, 1):
        if not statement:
            begin = number
        is_header = not statement and line.lstrip().startswith("[")
        statement = f"{statement}\n{line}" if statement else line
        try:
            table = tomllib.loads(statement if is_header else f"{header}\n{statement}")
        except tomllib.TOMLDecodeError:
            continue  # a value that goes on in the next line
        header, statement = (line if is_header else header), ""
        depth = _count_matching(table, keys)
        if depth > deepest:
            deepest, found = depth, begin
    return found


def _count_matching(table: Any, keys: Keys) -> int:
    """How many keys of a path exist, one inside the other."""
    for depth, key in enumerate(keys):
        if not isinstance(table, dict) or key not in table:
            return depth
        table = table[key]
    return len(keys)
