"""Lengths in tokens: exact with a model's `tokenizer.json`, else estimated from bytes.

No network: `tokenizers` reads the file it is given, where tiktoken would download its tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evol.errors import UsageError
from evol.extras import need_extra

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BYTES_PER_TOKEN = 4
"""The estimate: English prose has about four bytes of UTF-8 a token in current vocabularies."""


class TokenCounter:
    """Counts tokens of texts; special tokens and a chat template's own are not counted.

    Args:
        path: a `tokenizer.json` as Hugging Face's `tokenizers` writes it, None for the estimate.
        extra: the extra of this package that brings `tokenizers`, for the message where it is missing.

    Attributes:
        name: of the file, "" for the estimate.

    Raises:
        UsageError: the file cannot be read, or is no tokenizer; `tokenizers` is not installed.
    """

    def __init__(self, path: Path | None, extra: str) -> None:
        self.name = str(path) if path else ""
        self._tokenizer = _load(path, extra) if path else None

    @property
    def is_exact(self) -> bool:
        """Whether a tokenizer counts."""
        return self._tokenizer is not None

    def count(self, texts: list[str]) -> list[int]:
        """Tokens of each text."""
        if self._tokenizer is None:
            return [-(-len(text.encode()) // BYTES_PER_TOKEN) for text in texts]
        return [len(found.ids) for found in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def _load(path: Path, extra: str) -> Tokenizer:
    with need_extra(extra, "--tokenizer"):
        from tokenizers import Tokenizer
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"--tokenizer {path}: {why}", "name the tokenizer.json of your model") from None
    try:
        tokenizer = Tokenizer.from_str(content)
    except Exception:  # noqa: BLE001 - the library raises bare exceptions
        raise UsageError(f"--tokenizer {path}: not a tokenizer", "name the tokenizer.json of your model") from None
    tokenizer.no_truncation()  # a file may say "cut at 512", and then everything would fit
    tokenizer.no_padding()
    return tokenizer
