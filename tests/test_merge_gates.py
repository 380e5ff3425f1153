"""Quality gates of a mix: lengths in words and tokens, languages, private data; and the warnings about them."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evol.errors import UsageError
from evol.files import digest_file
from evol.mixing.language import LanguageGate
from evol.mixing.private import find_private, name_private
from evol.tokens import TokenCounter
from scripted_runs import make_run, make_seeds, make_told_run, merge, read_rows

TEXTS = {
    "short": "Why?",
    "middle": "Explain why the sky is blue in twelve words or a few more, please.",
    "long": "Explain " + "and explain " * 100 + "it.",
}
RESPONSES = {
    TEXTS["short"]: "Gravity.",
    TEXTS["middle"]: " ".join(f"word{n}" for n in range(50)),
    TEXTS["long"]: " ".join(f"word{n}" for n in range(2000)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three seeds with a short, a middling and a long exchange."""
    folder = tmp_path_factory.mktemp("gates") / "r"
    return make_told_run(folder, {name: [text] for name, text in TEXTS.items()}, RESPONSES)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `tokenizer.json` of one token a word, which asks for cutting at four tokens and for padding."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.enable_truncation(4)
    made.enable_padding(length=64)
    made.save(str(path))
    return path


@pytest.mark.parametrize(
    ("more", "left", "reason", "detail"),
    [
        ({"instruction_words": "2-"}, {"middle", "long"}, "instruction_words", "1 words"),
        ({"instruction_words": "-20"}, {"short", "middle"}, "instruction_words", "202 words"),
        ({"instruction_words": "1-202"}, {"short", "middle", "long"}, "", ""),
        ({"response_words": "2-1999"}, {"middle"}, "response_words", ""),
        ({"instruction_tokens": "-14"}, {"short", "middle"}, "instruction_tokens", "202 tokens"),
        ({"response_tokens": "50-50"}, {"middle"}, "response_tokens", ""),
        ({"max_tokens": 64}, {"short", "middle"}, "max_tokens", "2202 tokens"),
        ({"max_tokens": 63}, {"short"}, "max_tokens", ""),
        ({"max_tokens": 64, "system": "Be brief."}, {"short"}, "max_tokens", ""),
    ],
)
def test_lengths_are_gates(
    tmp_path: Path, folder: Path, tokenizer: Path, more: dict[str, Any], left: set[str], reason: str, detail: str
) -> None:
    """Windows hold both ends; tokens are counted by the file given, whole, with the system prompt; reasons are kept."""
    needs_tokenizer = any("tokens" in name for name in more)
    report = merge(
        [folder], tmp_path / "mix.jsonl", "messages", tokenizer=tokenizer if needs_tokenizer else None, **more
    )
    lineage = read_rows(tmp_path / "mix.lineage.jsonl")
    assert {row["seed_id"] for row in lineage} == left
    removed = read_rows(tmp_path / "mix.removed.jsonl")
    assert {row["reason"] for row in removed} == ({reason} if reason else set())
    assert report.left_out == ({reason: 3 - len(left)} if reason else {})
    if detail:
        assert detail in [row["detail"] for row in removed]


def test_a_tokenizer_counts_whole_texts(tokenizer: Path) -> None:
    """Cutting and padding that the file asks for are off; without a file four bytes are a token."""
    assert TokenCounter(tokenizer, "merge").count(["a b c d e f", "", "x"]) == [6, 0, 1]
    assert TokenCounter(None, "merge").count(["abcd", "abcde", "", "雨雨雨雨"]) == [1, 2, 0, 3]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"instruction_words": "5"}, ("--instruction-words '5'", "10-400")),
        ({"response_words": "-"}, ("--response-words",)),
        ({"response_words": "9-3"}, ("--response-words 9-3", "empty", "3-9")),
        ({"response_words": "a-3"}, ("--response-words",)),
        ({"response_tokens": "9-"}, ("--response-tokens", "--tokenizer")),
        ({"max_tokens": 1024}, ("--max-tokens", "--tokenizer")),
        ({"max_tokens": 0}, ("--max-tokens 0",)),
        ({"tokenizer": Path("none.json")}, ("none.json", "No such file")),
        ({"tokenizer": Path(__file__)}, ("test_merge_gates.py", "not a tokenizer")),
        ({"tokenizer": Path(sys.executable)}, ("not UTF-8",)),
        ({"language": ("english",)}, ("--language english", "known are", "en, ")),
    ],
    ids=str,
)
def test_gates_that_cannot_be_are_refused(
    tmp_path: Path, folder: Path, more: dict[str, Any], words: tuple[str, ...]
) -> None:
    """One sentence that names flag or file; nothing is written."""
    with pytest.raises(UsageError) as caught:
        merge([folder], tmp_path / "mix.jsonl", **more)
    assert all(word in str(caught.value) for word in words)
    assert list(tmp_path.iterdir()) == []


def test_rows_that_trl_would_cut_are_warned_of(tmp_path: Path, folder: Path, tokenizer: Path) -> None:
    """More than 1 % over 1,024 tokens is said, counted or estimated; once they are left out, that is said instead."""
    [estimated] = merge([folder], tmp_path / "mix.jsonl").notices
    assert "1 of 3 rows (33.3%) are longer than 1,024 tokens, estimated at four bytes a token" in estimated
    [counted] = merge([folder], tmp_path / "mix.jsonl", tokenizer=tokenizer).notices
    assert "1 of 3 rows (33.3%) are longer than 1,024 tokens, where TRL cuts by default" in counted
    [dropped] = merge([folder], tmp_path / "mix.jsonl", tokenizer=tokenizer, max_tokens=1024).notices
    assert dropped == "1 rows (33.3%) exceed --max-tokens 1024 and are left out"


def test_a_row_that_fits_the_window_exactly_is_no_warning(tmp_path: Path, tokenizer: Path) -> None:
    """TRL keeps 1,024 tokens whole."""
    for name, words, count in (("r", 1022, 0), ("s", 1023, 1)):
        responses = {"Explain it.": " ".join(f"word{n}" for n in range(words))}
        make_told_run(tmp_path / name, {"a": ["Explain it."]}, responses)
        assert len(merge([tmp_path / name], tokenizer=tokenizer).notices) == count


def test_a_small_mix_for_openai_is_warned_of(tmp_path: Path) -> None:
    """OpenAI refuses fewer than ten rows, so that is said now and not after an upload."""
    make_run(tmp_path / "r", make_seeds(10), generations=0)
    assert merge([tmp_path / "r"], None, "openai").notices == []
    [notice] = merge([tmp_path / "r"], None, "openai", 9).notices
    assert notice == "OpenAI refuses fewer than 10 rows; the mix has 9"


def test_an_empty_mix_is_told(tmp_path: Path, folder: Path) -> None:
    """Gates that leave nothing are no error, and no silence either."""
    report = merge([folder], tmp_path / "mix.jsonl", instruction_words="500-")
    assert (report.rows, report.notices) == (0, ["the mix is empty"])
    assert (tmp_path / "mix.jsonl").read_bytes() == b""


def test_one_long_row_in_a_hundred_is_no_warning(tmp_path: Path, tokenizer: Path) -> None:
    """The warnings begin above 1 %, of what the mix has and of what was left out of it."""
    texts = {str(n): [f"Name {n}."] for n in range(100)}
    make_told_run(tmp_path / "r", texts, {"Name 7.": " ".join(f"long{n}" for n in range(1000))})
    assert merge([tmp_path / "r"]).notices == []
    assert merge([tmp_path / "r"], tokenizer=tokenizer, max_tokens=900).notices == []
    texts |= {"x": ["Name x."]}
    make_told_run(
        tmp_path / "s", texts, dict.fromkeys(("Name 7.", "Name x."), " ".join(f"long{n}" for n in range(1000)))
    )
    assert len(merge([tmp_path / "s"]).notices) == 1
    [dropped] = merge([tmp_path / "s"], tokenizer=tokenizer, max_tokens=900).notices
    assert dropped.startswith("2 rows (2.0%) exceed --max-tokens 900 ")


def test_token_statistics_are_told(tmp_path: Path, folder: Path, tokenizer: Path) -> None:
    """The report and the card hold mean and percentiles, and whether they were counted."""
    report = merge([folder], tmp_path / "mix.jsonl", tokenizer=tokenizer).as_json()["tokens"]
    assert report["exact"] is True
    assert report["instruction"] == {"mean": 72.33333333333333, "p50": 14, "p90": 202, "p99": 202, "largest": 202}
    assert report["whole row"]["largest"] == 2202
    card = (tmp_path / "mix.card.md").read_text()
    assert f"counted with tokenizer.json (sha256 {digest_file(tokenizer)})" in card
    assert "| whole row | 756.0 | 64 | 2,202 | 2,202 | 2,202 |" in card
    assert "Some rows are longer than 1,024 tokens" in card


LANGUAGES = {
    "en": "Write a short letter to a friend who has moved to another town.",
    "de": "Schreibe einen kurzen Brief an eine Freundin, die in eine andere Stadt gezogen ist.",
    "fr": "Écris une courte lettre à un ami qui a déménagé dans une autre ville.",
    "ru": "Напиши короткое письмо другу, который переехал в другой город.",
    "zh": "给一位搬到另一个城市的朋友写一封短信。",
    "short": "Pourquoi?",
}


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (("en",), {"en", "short"}),
        (("fr",), {"fr", "short"}),
        (("de", "ru"), {"de", "ru", "short"}),
        (("zh",), {"zh", "short"}),
    ],
)
def test_other_languages_are_left_out(tmp_path: Path, wanted: tuple[str, ...], left: set[str]) -> None:
    """Instructions detected to be in another language go, with its code as the reason; too short ones stay."""
    make_told_run(tmp_path / "r", {name: [text] for name, text in LANGUAGES.items()})
    report = merge([tmp_path / "r"], language=wanted)
    assert {row["seed_id"] for row in read_rows(tmp_path / "r" / "mix.lineage.jsonl")} == left
    assert report.left_out == {"language": 6 - len(left)}
    for row in read_rows(tmp_path / "r" / "mix.removed.jsonl"):
        assert (row["reason"], row["detail"]) == ("language", row["seed_id"])
    assert f'language:\n- "{wanted[0]}"' in (tmp_path / "r" / "mix.card.md").read_text()


def test_letters_decide_whether_a_language_is_judged() -> None:
    """Digits and signs are no language."""
    gate = LanguageGate(("en",))
    assert gate.find_foreign("12 + 34 = 46; 3 * 3 = 9; 100 / 4 = 25; 2 ** 10 = 1024") == ""
    assert gate.find_foreign(LANGUAGES["de"]) == "de"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Write to anna.berg@stadtwerke-nord.de today", "email"),
        ("user@example.com and me@sub.example.org", ""),
        ("root@localhost or a @decorator", ""),
        ("Call +49 30 12345678 now", "phone"),
        ("Call (212) 555-0187", "phone"),
        ("212-555-0187 or 212.555.0187", "phone"),
        ("+1 (415) 555 2671", "phone"),
        ("3.14159265358979 and 1234567890 and 2024-01-31", ""),
        ("x = 100-200-3000 - 5", ""),
        ("127.0.0.1:8080 and 192.168.100.1000", ""),
        ("1 + 2345678 = ?", ""),
        ("f(123) 456-7890", ""),
        ("sk-" + "a1B2" * 8, "key"),
        ("ghp_" + "a1B2" * 9, "key"),
        ("AKIA" + "ABCD" * 4, "key"),
        ("-----BEGIN RSA PRIVATE KEY-----", "key"),
        ("risk-averse ask-me-anything-about-the-topic", ""),
        ("hf_short and sk-short", ""),
        ("me@firm.io +4930123456789 hf_" + "x" * 34, "email, phone, key"),
        ("", ""),
    ],
)
def test_private_data_is_recognised(text: str, kinds: str) -> None:
    """Addresses, numbers and keys as they are written in the wild; no bare digits, no documentation addresses."""
    assert name_private(find_private(text)) == kinds


def test_private_data_is_counted_and_dropped_when_asked(tmp_path: Path) -> None:
    """Without the flag rows stay and are counted in report and card; with it they go, named by kind."""
    make_told_run(
        tmp_path / "r",
        {"a": ["Mail me."], "b": ["Phone +49 30 12345678."], "c": ["Say hello."]},
        {"Mail me.": "To bo@firm.io, then."},
    )
    report = merge([tmp_path / "r"])
    assert (report.rows, report.as_json()["private"]) == (3, {"email": 1, "phone": 1})
    assert "1 email, 1 phone; they were left in" in (tmp_path / "r" / "mix.card.md").read_text()
    report = merge([tmp_path / "r"], drop_private=True)
    assert (report.rows, report.left_out, report.private) == (1, {"private": 2}, {})
    assert {row["detail"] for row in read_rows(tmp_path / "r" / "mix.removed.jsonl")} == {"email", "phone"}
    assert "such rows were left out" in (tmp_path / "r" / "mix.card.md").read_text()


@pytest.mark.parametrize(
    ("library", "extra", "purpose", "more"),
    [
        ("rensa", "merge", "--dedupe near", {"dedupe": "near"}),
        ("rapidfuzz", "merge", "--dedupe near", {"dedupe": "near"}),
        ("rapidfuzz", "merge", "--against", {"against": (Path("b.txt"),)}),
        ("tokenizers", "merge", "--tokenizer", {"tokenizer": Path("t.json")}),
        ("py3langid", "merge", "--language", {"language": ("en",)}),
        ("pyarrow", "merge", "--format parquet", {"format_name": "parquet"}),
        ("pyarrow", "merge", "--against with a parquet file", {"against": (Path("b.parquet"),)}),
        ("huggingface_hub", "hub", "--push-to-hub", {"push_to_hub": "me/mix"}),
    ],
    ids=str,
)
def test_a_missing_library_prints_the_command_that_installs_it(
    tmp_path: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    library: str,
    extra: str,
    purpose: str,
    more: dict[str, Any],
) -> None:
    """One sentence with what asked for it and the exact command (exit 2), before anything is written."""
    real: Callable[..., Any] = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == library:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UsageError) as caught:
        merge([folder], tmp_path / "mix.jsonl" if more.get("format_name") is None else tmp_path / "mix.parquet", **more)
    assert caught.value.exit_code == 2
    assert caught.value.message == f"{purpose} needs {library}, which is not installed"
    assert f"pip install 'evol-instruct[{extra}]'" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
