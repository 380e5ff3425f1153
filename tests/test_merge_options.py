"""What `evol merge` may be asked for: each flag's limits, and the sentence for whoever passes them."""

from __future__ import annotations

import shlex
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from evol.errors import UsageError
from evol.formats import FORMATS
from evol.mixing.options import (
    MixOptions,
    Window,
    parse_generations,
    parse_only,
    parse_weights,
    parse_window,
    write_command,
)

NO_ROWS = "not a number of rows: ask for 1 or more, or leave it out"
SHARES = 'all, equal, or shares like "0:1,1:2"'
NOT_LOWER = "a child resembles its parent by design, so the bar within a lineage must not be lower"
TOKENS = "tokens of which model?: name its tokenizer.json with --tokenizer"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"format": "csv"}, f"no format 'csv': known are {', '.join(FORMATS)}"),
        ({"size": 0}, f"--size 0: {NO_ROWS} for all"),
        ({"holdout": -1}, f"--holdout -1: {NO_ROWS}"),
        (
            {"format": "alpaca", "system": "Be brief."},
            "--system: the format alpaca has no place for a system prompt: use --format llamafactory",
        ),
        ({"ngram": 8}, "--ngram: it says how --against compares: name a file with --against"),
        ({"ngram": 9, "against": (Path("x"),)}, "--ngram 9: not known: 13 (the default) or 8"),
        (
            {"license": "The MIT License"},
            "--license 'The MIT License': no identifier of a license: write it like cc-by-4.0",
        ),
        ({"push_to_hub": "a/b/c"}, "--push-to-hub 'a/b/c': no name of a repository: write it like me/my-mix"),
        ({"push_to_hub": "a" * 97}, f"--push-to-hub '{'a' * 97}': no name of a repository: write it like me/my-mix"),
        ({"generations": "x"}, "--generations 'x': 'x' is no range: write it like 1-4 or 0,2-3"),
        ({"generations": "0, 3-2"}, "--generations '0, 3-2': '3-2' is no range: write it like 1-4 or 0,2-3"),
        ({"generations": "0", "no_seeds": True}, "--no-seeds --generations 0: nothing is left: leave one of them out"),
        ({"per_generation": "0:1, x"}, f"--per-generation '0:1, x': 'x' is no share: {SHARES}"),
        ({"per_generation": "1:1,1:2"}, "--per-generation '1:1,1:2': generation 1 stands twice: name each once"),
        ({"per_generation": "0:0,1:0.0"}, "--per-generation '0:0,1:0.0': every share is 0: give some generation more"),
        (
            {"only": ("skil=x",)},
            "--only 'skil=x': not known: write it like skill=math, language=fr or operation=deepen",
        ),
        (
            {"only": ("skill=",)},
            "--only 'skill=': not known: write it like skill=math, language=fr or operation=deepen",
        ),
        ({"only": ("skill",)}, "--only 'skill': not known: write it like skill=math, language=fr or operation=deepen"),
        ({"dedupe": "fuzzy"}, "--dedupe fuzzy: not known: exact, near or off"),
        ({"keep": "best"}, "--keep best: not known: deepest or earliest"),
        ({"threshold": 0.8}, "--threshold: it is for near duplicates: add --dedupe near"),
        (
            {"lineage_threshold": 0.8, "dedupe": "off"},
            "--lineage-threshold: it is for near duplicates: add --dedupe near",
        ),
        ({"threshold": 0.09, "dedupe": "near"}, "--threshold 0.09: not a similarity: between 0.1 and 1"),
        (
            {"lineage_threshold": 1.01, "dedupe": "near"},
            "--lineage-threshold 1.01: not a similarity: between 0.1 and 1",
        ),
        (
            {"lineage_threshold": 0.69, "dedupe": "near"},
            f"--lineage-threshold 0.69 is below --threshold 0.7: {NOT_LOWER}",
        ),
        ({"max_tokens": 0, "tokenizer": Path("t.json")}, "--max-tokens 0: not a length: ask for 1 or more"),
        ({"max_tokens": 9}, f"--max-tokens: {TOKENS}"),
        ({"instruction_tokens": "1-9", "max_tokens": 9}, f"--instruction-tokens: {TOKENS}"),
        ({"response_tokens": "1-9"}, f"--response-tokens: {TOKENS}"),
        (
            {"instruction_words": "x"},
            "--instruction-words 'x': no window of lengths: write it like 10-400, 10- or -400",
        ),
        ({"response_words": "-"}, "--response-words '-': no window of lengths: write it like 10-400, 10- or -400"),
        ({"response_words": "9-8"}, "--response-words 9-8: the window is empty: did you mean 8-9?"),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_sentence(more: dict[str, Any], sentence: str) -> None:
    """It names the flag, what is wrong with it, and what it takes; exit 2, before any run is read."""
    with pytest.raises(UsageError) as caught:
        MixOptions(**more).check()
    assert str(caught.value) == sentence
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"size": 1, "holdout": 0},
        {"format": "llamafactory", "system": "Be brief."},
        {"against": (Path("x"),), "ngram": 13},
        {"against": (Path("x"),), "ngram": 8},
        {"license": "cc-by-4.0", "push_to_hub": "me/my.mix_1-2"},
        {"push_to_hub": "a" * 96},
        {"generations": "0-1", "no_seeds": True},
        {"generations": "0"},
        {"no_seeds": True},
        {"per_generation": "equal", "keep": "earliest", "dedupe": "off"},
        {"threshold": 0.1, "dedupe": "near"},
        {"threshold": 1.0, "lineage_threshold": 1.0, "dedupe": "near"},
        {"threshold": 0.95, "dedupe": "near"},
        {"lineage_threshold": 0.7, "dedupe": "near"},
        {"max_tokens": 1, "instruction_tokens": "1-1", "tokenizer": Path("t.json")},
        {"instruction_words": "0-", "response_words": "-0"},
    ],
    ids=str,
)
def test_what_can_be_is_taken(more: dict[str, Any]) -> None:
    """The ends of every range are in it."""
    MixOptions(**more).check()


def test_defaults_of_near_duplicates() -> None:
    """0.7 between lineages; 0.9 within one, or the other bar where that is higher."""
    assert (MixOptions().near_threshold, MixOptions().near_lineage_threshold) == (0.7, 0.9)
    assert MixOptions(threshold=0.95).near_lineage_threshold == 0.95
    assert MixOptions(threshold=0.5).near_lineage_threshold == 0.9
    assert MixOptions(threshold=0.5, lineage_threshold=0.6).near_lineage_threshold == 0.6


def test_the_words_of_an_ngram() -> None:
    """Thirteen, unless asked for."""
    assert (MixOptions().ngram_words, MixOptions(ngram=8).ngram_words) == (13, 8)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("10-400", (10, 400), (9, 401)), ("10-", (10, 10**9), (9,)), ("-400", (0, 400), (401,)), (" 5-5 ", (5,), (4, 6))],
)
def test_windows_of_lengths(text: str, inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    """Both ends belong to it, one of them may be open."""
    window = parse_window("--response-words", text)
    assert window.flag == "--response-words"
    assert all(window.holds(length) for length in inside)
    assert not any(window.holds(length) for length in outside)


def test_windows_are_found_by_name() -> None:
    """Only those that were asked for, each with the flag that set it."""
    options = MixOptions(instruction_words="1-2", response_tokens="-7")
    assert options.windows == {
        "instruction_words": Window("--instruction-words", 1, 2),
        "response_tokens": Window("--response-tokens", None, 7),
    }


def test_generations_are_read() -> None:
    """Single ones and ranges, with blanks, both ends included."""
    assert parse_generations("2") == {2}
    assert parse_generations("0, 2-4 ,7-7") == {0, 2, 3, 4, 7}
    assert parse_generations("100-101") == {100, 101}


def test_shares_are_read_exactly() -> None:
    """A share of 0.1 is a tenth, and a generation may have none."""
    assert parse_weights("0:1, 12:0.1,3:0") == {0: Fraction(1), 12: Fraction(1, 10), 3: Fraction(0)}
    assert [parse_weights(text) for text in ("all", "equal")] == ["all", "equal"]


def test_wishes_are_gathered_by_key() -> None:
    """Values of one key are alternatives; blanks around them do not matter, an equals sign may stand in a value."""
    options = MixOptions(only=("skill=math", "operation=deepen", "skill = C=64 "))
    assert options.wanted == {"skill": {"math", "C=64"}, "operation": {"deepen"}}
    assert parse_only("language=fr") == ("language", "fr")


def test_every_option_finds_its_way_into_the_command() -> None:
    """Each field that can change the mix is written as its flag once it differs from the default."""
    changed = MixOptions(
        format="alpaca", size=1, random_seed=2, generations="1", per_generation="equal", only=("skill=a", "skill=b"),
        no_seeds=True, holdout=3, system="s t", dedupe="near", threshold=0.8, lineage_threshold=0.95, keep="earliest",
        against=(Path("x"), Path("/y/z")), ngram=8, instruction_words="1-", response_words="2-",
        instruction_tokens="3-", response_tokens="4-", max_tokens=5, tokenizer=Path("t.json"), language=("en", "de"),
        drop_private=True, license="mit", push_to_hub="me/x", dry_run=True, allow_unfinished=True,
    )  # fmt: skip
    words = shlex.split(write_command(changed, [Path("a"), Path("b")], Path("m.jsonl")))
    flags = {f"--{name.replace('_', '-')}" for name in MixOptions.__dataclass_fields__}
    assert flags - set(words) == {"--push-to-hub", "--dry-run"}
    assert words[:6] == ["evol", "merge", "a", "b", "--out", "m.jsonl"]
    assert [words[place + 1] for place, word in enumerate(words) if word == "--against"] == ["x", "z"]
    assert words[words.index("--system") + 1] == "s t"


def test_the_shortest_command() -> None:
    """What is as it is by default is not written; a flag that is asked for alone has no value behind it."""
    assert write_command(MixOptions(), [Path("r")], None) == "evol merge r"
    assert write_command(MixOptions(), [Path("runs/r")], Path("a/m.jsonl")) == "evol merge runs/r --out a/m.jsonl"
    assert (
        write_command(MixOptions(no_seeds=True, size=3), [Path("/data/r")], None) == "evol merge r --size 3 --no-seeds"
    )
