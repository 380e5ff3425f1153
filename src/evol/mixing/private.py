"""E-mail addresses, telephone numbers and keys in texts: patterns, not proofs. Pure.

Each pattern is strict rather than clever: a bare run of digits is a number, not a telephone number, and addresses at
`example.com` and the like, which are reserved for documentation (RFC 2606), do not count.
"""

from __future__ import annotations

import re

PRIVATE_KINDS = ("email", "phone", "key")
"""What is looked for; bit 1, 2, 4 of `find_private`."""

_EMAIL = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)*\.[a-z]{2,})\b", re.IGNORECASE)
_RESERVED = re.compile(
    r"(?:^|\.)(?:example\.(?:com|net|org)|[\w-]+\.(?:example|test|invalid|localhost))$", re.IGNORECASE
)
# Each branch begins with its first character and looks behind only then: a search can skip to such characters
_PHONE = re.compile(
    r"(?:\+(?<![\w.+]\+)\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){6,12}"  # international: +49 30 1234567
    # North America, (212) 555-0187 and 212-555-0187; area and exchange begin with 2 to 9
    r"|\((?<![\w.+]\()[2-9]\d{2}\)[ .-]?[2-9]\d{2}[ .-]\d{4}"
    r"|[2-9](?<![\w.+(-]\d)\d{2}[.-][2-9]\d{2}[.-]\d{4})(?![\w-]|\.\d)"
)
# Prefixes that their issuers document: OpenAI, GitHub, AWS, Google, Slack, Hugging Face, Stripe; PEM; JSON web tokens
_KEY_SIGNS = ("sk-", "gh", "AKIA", "ASIA", "AIza", "xox", "hf_", "k_live_", "eyJ", "PRIVATE KEY")
_KEY = re.compile(
    r"\b(?:sk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}"
    r"|A(?:KIA|SIA)[A-Z0-9]{16}\b|AIza[A-Za-z0-9_-]{35}|xox[abprs]-[A-Za-z0-9-]{10,}|hf_[A-Za-z0-9]{30,}"
    r"|[sr]k_live_[A-Za-z0-9]{20,}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
)


def find_private(text: str) -> int:
    """Which kinds of private data a text seems to hold, as bits in the order of `PRIVATE_KINDS`."""
    found = 0
    if "@" in text and any(not _RESERVED.search(match[1]) for match in _EMAIL.finditer(text)):
        found |= 1
    if _PHONE.search(text):
        found |= 2
    if any(sign in text for sign in _KEY_SIGNS) and _KEY.search(text):
        found |= 4
    return found


def name_private(found: int) -> str:
    """The kinds in words, e.g. "email, key"."""
    return ", ".join(kind for bit, kind in enumerate(PRIVATE_KINDS) if found >> bit & 1)
