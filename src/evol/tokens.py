"""Lengths in tokens, counted by the tokenizer of a model: a `tokenizer.json`, read without any network."""

from __future__ import annotations

from pathlib import Path

from evol.errors import UsageError
from evol.extras import need_extra


class TokenCounter:
    """Counts tokens of texts; special tokens and a chat template's own are not counted.

    Args:
        path: a `tokenizer.json` as Hugging Face's `tokenizers` writes it.

    Raises:
        UsageError: the file cannot be read, or is no tokenizer; `tokenizers` is not installed.
    """

    def __init__(self, path: Path) -> None:
        with need_extra("stats", "--tokenizer"):
            from tokenizers import Tokenizer
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise UsageError(f"--tokenizer {path}: {why}", "name the tokenizer.json of your model") from None
        try:
            self._tokenizer = Tokenizer.from_str(content)
        except Exception:  # noqa: BLE001 - the library raises bare exceptions
            raise UsageError(f"--tokenizer {path}: not a tokenizer", "name the tokenizer.json of your model") from None
        self._tokenizer.no_truncation()  # a file may say "cut at 512", and every long text would have 512
        self._tokenizer.no_padding()
        self.name = str(path)

    def count(self, texts: list[str]) -> list[int]:
        """Tokens of each text."""
        return [len(found.ids) for found in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
