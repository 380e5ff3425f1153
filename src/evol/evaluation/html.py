"""Self-contained HTML pages: one style, one script, both named by their hashes in a content security policy.

A page fetches nothing and sends nothing, runs no script but its own, and holds texts of others only as escaped text or
as JSON in a data block. An existing file is replaced only if the same command wrote it.
"""

from __future__ import annotations

import base64
import hashlib
import html
from pathlib import Path
from typing import Any

import orjson

from evol.errors import UsageError
from evol.files import write_atomically

_ASSETS = Path(__file__).parent / "assets"


def escape(text: object) -> str:
    """Text as text, in content and in quoted attributes."""
    return html.escape(str(text), quote=True)


def read_asset(name: str) -> str:
    """A style or a script that ships with the package."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def dump_data(value: Any) -> str:
    """A data block with JSON: no sequence in it can end the block or open a comment."""
    text = orjson.dumps(value).decode()
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return f'<script type="application/json" id="data">{text}</script>'


def assemble_page(title: str, generator: str, style: str, body: str, script: str) -> str:
    """A whole page.

    Args:
        title: plain text.
        generator: the command that writes the page.
        style: the style sheet.
        body: HTML, with everything foreign escaped.
        script: the only script.
    """
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        f"{_mark(generator)}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def check_page_target(path: Path, generator: str) -> None:
    """Refuse a place where a page cannot stand; called before anything is paid.

    Raises:
        UsageError: no such folder, a folder in the way, or a file that the same command did not write.
    """
    try:
        if path.is_dir() or not path.parent.is_dir():
            raise UsageError(f"{path}: {'a folder' if path.is_dir() else 'no such folder'}", "name another file")
        if path.exists():
            with path.open("rb") as file:
                if _mark(generator).encode() not in file.read(4096):
                    raise UsageError(f"{path}: not written by `{generator}`", "move it away, or name another file")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name another file") from None


def write_page(path: Path, content: str, generator: str) -> None:
    """Write a page, whole or not at all.

    Raises:
        UsageError: see `check_page_target`.
        StorageError: the disk refused.
    """
    check_page_target(path, generator)
    write_atomically(path, content.encode("utf-8", "replace"))


def _mark(generator: str) -> str:
    return f'<meta name="generator" content="{escape(generator)}">'


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
