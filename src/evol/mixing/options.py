"""What `evol merge` is asked for: the flags as values, and every combination that cannot be. Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from evol.errors import UsageError
from evol.formats import FORMATS, Format

SEED_FIELDS = ("skill", "language")
"""Keys of `--only` that stand with the seeds, not in the rows."""

NGRAMS = (13, 8)
"""Words of the n-grams of `--against`: 13 as in GPT-3's and most later reports, 8 as in PaLM's and Tulu's."""

TRL_MAX_LENGTH = 1024
"""TRL's `SFTConfig.max_length` by default: longer rows are cut."""

_REPO = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}")
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")


@dataclass(frozen=True)
class Window:
    """Lengths that may stay, both ends included; None is open.

    Attributes:
        flag: the flag that set it.
        low: the smallest length.
        high: the largest.
    """

    flag: str
    low: int | None
    high: int | None

    def holds(self, length: int) -> bool:
        """Whether a length may stay."""
        return (self.low is None or length >= self.low) and (self.high is None or length <= self.high)


@dataclass(frozen=True)
class MixOptions:
    """The flags of `evol merge`; made from strings, so that `check` can name the flag that is wrong.

    Attributes mirror the flags of the same name (README, "evol merge").
    """

    format: str = "trl"
    size: int | None = None
    random_seed: int = 0
    generations: str = ""
    per_generation: str = "all"
    only: tuple[str, ...] = ()
    no_seeds: bool = False
    holdout: int = 0
    system: str = ""
    dedupe: str = "exact"
    threshold: float | None = None
    lineage_threshold: float | None = None
    keep: str = "deepest"
    against: tuple[Path, ...] = ()
    ngram: int | None = None
    instruction_words: str = ""
    response_words: str = ""
    instruction_tokens: str = ""
    response_tokens: str = ""
    max_tokens: int | None = None
    tokenizer: Path | None = None
    language: tuple[str, ...] = ()
    drop_private: bool = False
    license: str = ""
    push_to_hub: str = ""
    dry_run: bool = False
    allow_unfinished: bool = False

    @property
    def shape(self) -> Format:
        """The format's description."""
        return FORMATS[self.format]

    @property
    def near_threshold(self) -> float:
        """Similarity from which rows of two lineages are duplicates."""
        return 0.7 if self.threshold is None else self.threshold

    @property
    def near_lineage_threshold(self) -> float:
        """Similarity from which rows of one lineage are duplicates: a child resembles its parent by design."""
        return max(0.9, self.near_threshold) if self.lineage_threshold is None else self.lineage_threshold

    @property
    def ngram_words(self) -> int:
        """Words of the n-grams of `--against`."""
        return self.ngram or NGRAMS[0]

    @property
    def windows(self) -> dict[str, Window]:
        """The length windows that were asked for, by field name."""
        names = ("instruction_words", "response_words", "instruction_tokens", "response_tokens")
        return {
            name: parse_window(f"--{name.replace('_', '-')}", text) for name in names if (text := getattr(self, name))
        }

    @property
    def wanted(self) -> dict[str, set[str]]:
        """`--only` by key: values of one key are alternatives, keys must all hold."""
        found: dict[str, set[str]] = {}
        for text in self.only:
            key, value = parse_only(text)
            found.setdefault(key, set()).add(value)
        return found

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            UsageError: names the flag and what it takes.
        """
        if self.format not in FORMATS:
            raise UsageError(f"no format {self.format!r}", f"known are {', '.join(FORMATS)}")
        if self.size is not None and self.size < 1:
            raise UsageError(f"--size {self.size}: not a number of rows", "ask for 1 or more, or leave it out for all")
        if self.holdout < 0:
            raise UsageError(f"--holdout {self.holdout}: not a number of rows", "ask for 1 or more, or leave it out")
        if self.system and self.shape.system == "nowhere":
            raise UsageError(
                f"--system: the format {self.format} has no place for a system prompt", "use --format llamafactory"
            )
        self._check_choice()
        self._check_duplicates()
        self._check_lengths()
        if self.ngram is not None and not self.against:
            raise UsageError("--ngram: it says how --against compares", "name a file with --against")
        if self.ngram_words not in NGRAMS:
            raise UsageError(f"--ngram {self.ngram}: not known", "13 (the default) or 8")
        if self.license and not _LICENSE.fullmatch(self.license):
            raise UsageError(f"--license {self.license!r}: no identifier of a license", "write it like cc-by-4.0")
        if self.push_to_hub and not _REPO.fullmatch(self.push_to_hub):
            raise UsageError(f"--push-to-hub {self.push_to_hub!r}: no name of a repository", "write it like me/my-mix")

    def _check_choice(self) -> None:
        if self.generations:
            parse_generations(self.generations)
        parse_weights(self.per_generation)
        _ = self.wanted
        if self.no_seeds and self.generations and parse_generations(self.generations) == {0}:
            raise UsageError(f"--no-seeds --generations {self.generations}: nothing is left", "leave one of them out")

    def _check_duplicates(self) -> None:
        if self.dedupe not in ("exact", "near", "off"):
            raise UsageError(f"--dedupe {self.dedupe}: not known", "exact, near or off")
        if self.keep not in ("deepest", "earliest"):
            raise UsageError(f"--keep {self.keep}: not known", "deepest or earliest")
        given = {"--threshold": self.threshold, "--lineage-threshold": self.lineage_threshold}
        for flag, value in given.items():
            if value is None:
                continue
            if self.dedupe != "near":
                raise UsageError(f"{flag}: it is for near duplicates", "add --dedupe near")
            if not 0.1 <= value <= 1:
                raise UsageError(f"{flag} {value:g}: not a similarity", "between 0.1 and 1")
        if self.near_lineage_threshold < self.near_threshold:
            raise UsageError(
                f"--lineage-threshold {self.near_lineage_threshold:g} is below --threshold {self.near_threshold:g}",
                "a child resembles its parent by design, so the bar within a lineage must not be lower",
            )

    def _check_lengths(self) -> None:
        windows = self.windows
        needy = [window.flag for name, window in windows.items() if name.endswith("_tokens")]
        if self.max_tokens is not None:
            if self.max_tokens < 1:
                raise UsageError(f"--max-tokens {self.max_tokens}: not a length", "ask for 1 or more")
            needy.append("--max-tokens")
        if needy and self.tokenizer is None:
            raise UsageError(f"{needy[0]}: tokens of which model?", "name its tokenizer.json with --tokenizer")


def parse_window(flag: str, text: str) -> Window:
    """Read "10-400", "10-" or "-400".

    Raises:
        UsageError: anything else.
    """
    found = re.fullmatch(r"(\d{0,9})-(\d{0,9})", text.strip())
    low, high = (int(end) if end else None for end in found.groups()) if found else (None, None)
    if low is None and high is None:
        raise UsageError(f"{flag} {text!r}: no window of lengths", "write it like 10-400, 10- or -400")
    if low is not None and high is not None and low > high:
        raise UsageError(f"{flag} {text}: the window is empty", f"did you mean {high}-{low}?")
    return Window(flag, low, high)


def parse_generations(text: str) -> set[int]:
    """Read "1-4", "2" or "0,2-3".

    Raises:
        UsageError: anything else.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})(?:-(\d{1,3}))?\s*", part)
        if not match or int(match[2] or match[1]) < int(match[1]):
            raise UsageError(f"--generations {text!r}: {part.strip()!r} is no range", "write it like 1-4 or 0,2-3")
        found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return found


def parse_weights(text: str) -> dict[int, Fraction] | str:
    """Read "all", "equal" or "0:1,1:2": shares by generation, generations not named get none.

    Raises:
        UsageError: anything else.
    """
    if text in ("all", "equal"):
        return text
    weights: dict[int, Fraction] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3}):(\d{1,9}(?:\.\d{1,9})?)\s*", part)
        if not match:
            raise UsageError(
                f"--per-generation {text!r}: {part.strip()!r} is no share", 'all, equal, or shares like "0:1,1:2"'
            )
        if int(match[1]) in weights:
            raise UsageError(f"--per-generation {text!r}: generation {match[1]} stands twice", "name each once")
        weights[int(match[1])] = Fraction(match[2])
    if not any(weights.values()):
        raise UsageError(f"--per-generation {text!r}: every share is 0", "give some generation more")
    return weights


def parse_only(text: str) -> tuple[str, str]:
    """Read "skill=math", "language=fr" or "operation=deepen".

    Raises:
        UsageError: anything else.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not value or key not in ("operation", *SEED_FIELDS):
        raise UsageError(f"--only {text!r}: not known", "write it like skill=math, language=fr or operation=deepen")
    return key, value


def write_command(options: MixOptions, runs: list[Path], out: Path | None) -> str:
    """The command line that makes the mix again; paths outside the working directory shrink to their names."""
    words = ["evol", "merge", *map(_show_path, runs)]
    words += ["--out", _show_path(out)] if out else []
    default = MixOptions()
    for name in MixOptions.__dataclass_fields__:
        value = getattr(options, name)
        if name in ("push_to_hub", "dry_run") or value == getattr(default, name):
            continue
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag)
        else:
            for one in value if isinstance(value, tuple) else [value]:
                words += [flag, _show_path(one) if isinstance(one, Path) else str(one)]
    return shlex.join(words)


def _show_path(path: Path) -> str:
    return path.name if path.is_absolute() else str(path)
