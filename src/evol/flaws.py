"""Flaws of a row that a reader wants counted: refusals and truncations. Pure, and told by the form alone."""

from __future__ import annotations

import re
from typing import Any

_REFUSING_REASONS = ("sorry", "refusal")
_OPENING_CHARS = 300
_REFUSAL = re.compile(
    r"""\W*(?:
        (?:(?:i\s*['’]?\s*a?m|we\s*['’]?\s*a?re)\s+)?(?:(?:very|so|truly|really|deeply|terribly)\s+)?sorry\b
      | (?:i|we)\s+apologi[sz]e\b | (?:my|our)\s+apologies\b
      | (?:(?:unfortunately|regrettably|i['’]?m\s+afraid)\W+(?:but\s+|that\s+)?)?
        (?:i|we)(?:
            \s+(?:can\s*not|can['’]?t|could\s+not|couldn['’]?t)\s+(?!emphasi|stress|overstate|wait|help\s+but)
          | \s+(?:will\s+not|won['’]?t|must\s+decline|have\s+to\s+decline)\b
          | (?:\s+am|['’]m|\s+are|['’]re)\s+(?:unable|not\s+able|not\s+allowed|not\s+comfortable)\b
          | \s+(?:do\s+not|don['’]?t)\s+feel\s+comfortable\b
        )
      | as\s+an?\s+(?:ai|artificial\s+intelligence|large\s+language\s+model|language\s+model)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_APOLOGY_WANTED = re.compile(r"\bsorry\b|\bapolog", re.IGNORECASE)


def is_refusal(row: dict[str, Any]) -> bool:
    """Whether a row's response opens with a refusal or an apology (English), or was eliminated for one.

    Not where the instruction speaks of an apology.
    """
    if row.get("reason") in _REFUSING_REASONS:
        return True
    if not _REFUSAL.match(row["response"][:_OPENING_CHARS]):
        return False
    return not _APOLOGY_WANTED.search(row["instruction"])


def is_truncated(row: dict[str, Any]) -> bool:
    """Whether a reply of the row was cut at max_tokens, or broke off inside its thinking."""
    return row.get("reason") == "truncated" or row["finish_reason"] == "length"
