"""Which language a text is in, by `py3langid`: its model ships with the package, nothing is fetched."""

from __future__ import annotations

from evol.errors import UsageError
from evol.extras import need_extra

MIN_LETTER_BYTES = 24
"""A text whose letters fill fewer bytes (24 Latin ones, 8 Chinese ones) is not judged: a guess is worth nothing."""


class LanguageGate:
    """Tells texts that are in none of the wanted languages.

    Args:
        wanted: ISO 639-1 codes.

    Raises:
        UsageError: an unknown code; `py3langid` is not installed.
    """

    def __init__(self, wanted: tuple[str, ...]) -> None:
        with need_extra("merge", "--language"):
            from py3langid.langid import MODEL_FILE, LanguageIdentifier
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
        known = [str(label) for label in self._identifier.labels]
        for code in wanted:
            if code not in known:
                raise UsageError(f"--language {code}: unknown", f"known are {', '.join(sorted(known))}")
        self._wanted = frozenset(wanted)

    def find_foreign(self, text: str) -> str:
        """The language of a text that is not wanted, "" if it is wanted or too short to tell."""
        if len("".join(filter(str.isalpha, text)).encode()) < MIN_LETTER_BYTES:
            return ""
        code = str(self._identifier.classify(text)[0])
        return "" if code in self._wanted else code
