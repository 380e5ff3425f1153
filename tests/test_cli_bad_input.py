"""The real command on bad input: one sentence on stderr, the documented exit code, nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from evol.cli import main

GOOD = b'{"instruction": "Name a river."}\n'
ENDPOINT = ("--model", "m", "--base-url", "http://127.0.0.1:9/v1")


@dataclass(frozen=True)
class Case:
    """One mistake.

    Attributes:
        arguments: of `evol`.
        code: the documented exit code.
        words: what the sentence must name.
        files: content by name; a name that ends in / is a folder.
        environment: further variables.
        absent: what must not be printed.
    """

    arguments: tuple[str, ...]
    code: int
    words: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    absent: str = "Traceback"


def run_seeds(content: bytes, *words: str, name: str = "s.jsonl") -> Case:
    """A run on a bad seeds file."""
    return Case(("run", name, *ENDPOINT), 2, (name, *words), {name: content})


def run_config(content: bytes, *words: str) -> Case:
    """A run with a bad config file."""
    return Case(("run", "s.jsonl", "--config", "c.toml"), 2, ("c.toml", *words), {"c.toml": content})


def run_flags(code: int, words: tuple[str, ...], *flags: str) -> Case:
    """A run with bad flags."""
    return Case(("run", "s.jsonl", *flags), code, words)


LONG = "x" * 300

CASES = {
    "seeds missing": Case(("run", "none.jsonl"), 2, ("none.jsonl", "no such file")),
    "seeds empty": run_seeds(b"", "no seeds"),
    "seeds binary": run_seeds(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "s.jsonl:1"),
    "seeds line 17": run_seeds(b"".join(b'{"instruction": "%d"}\n' % n for n in range(16)) + b"{x\n", "s.jsonl:17"),
    "seeds duplicate ids": run_seeds(b'{"id": 1, "instruction": "a"}\n{"id": "1", "instruction": "b"}\n', "s.jsonl:2"),
    "seeds surrogate": run_seeds(b'{"instruction": "\\ud800"}\n', "s.jsonl:1", "surrogate"),
    "seeds odd role": run_seeds(b'{"messages": [{"role": [], "content": "a"}]}\n', "s.jsonl:1"),
    "seeds system turn": run_seeds(b'{"messages": [{"role": "system", "content": "a"}]}\n', "s.jsonl:1", "system"),
    "seeds control characters": run_seeds(b'{"instruction": "a", "id": "\x1b[31m"}\n', "s.jsonl:1"),
    "seeds deep": run_seeds(b"[" * 100_000, "deep", name="s.json"),
    "seeds NUL in the name": Case(
        ("run", "--config", "c.toml", *ENDPOINT), 2, ("null byte",), {"c.toml": b'seeds = "a\\u0000b"\n'}
    ),
    "config missing": Case(("run", "s.jsonl", "--config", "none.toml"), 2, ("none.toml", "no such file")),
    "config no TOML": run_config(b"generations 4\n", "line 1"),
    "config unknown key": run_config(b"generation = 4\n", "'generation'", "generations"),
    "config wrong type": run_config(b'generations = "4"\n', "generations", "'4'"),
    "config wrong table": run_config(b'[models.judgee]\nmodel = "a"\n', "[models.judgee]"),
    "config password": Case(
        ("run", "s.jsonl", "--config", "c.toml"),
        2,
        ("c.toml", "models.default.base_url"),
        {"c.toml": b'[models.default]\nmodel = "m"\nbase_url = "https://u:hunter2@h/v1"\n'},
        absent="hunter2",
    ),
    "password in OPENAI_BASE_URL": Case(
        ("run", "s.jsonl", "--model", "m"),
        2,
        ("OPENAI_BASE_URL",),
        environment={"OPENAI_BASE_URL": "http://u:hunter2@127.0.0.1:9/v1", "OPENAI_API_KEY": "k"},
        absent="hunter2",
    ),
    "pack unknown": run_flags(2, ("nope", "general"), "--pack", "nope"),
    "pack long name": run_flags(2, ("no such prompt pack",), "--pack", LONG),
    "pack fault": Case(
        ("run", "s.jsonl", "--pack", "p"),
        2,
        ("p/a.txt:2", "{{x}}"),
        {
            "p/pack.toml": b'[operations.a]\nkind = "in-depth"\n[judge]\nreask = "x"\n',
            "p/a.txt": b"{{instruction}}\n{{x}}\n",
        },
    ),
    "packs show without a pack": Case(
        ("packs", "show", "nope", "deepen"), 2, ("nope", "bundled are general, code, math")
    ),
    "packs show without the operation": Case(
        ("packs", "show", "general", "deepn"), 2, ("general", "'deepn'", "add_constraints, deepen")
    ),
    "packs show nothing": Case(("packs", "show", "general", "deepen", "--instruction", " "), 2, ("--instruction",)),
    "packs show no UTF-8": Case(
        ("packs", "show", "general", "deepen", "--instruction", "\udcff"), 2, ("--instruction", "UTF-8")
    ),
    "packs check no folder": Case(("packs", "check", "nope"), 2, ("nope", "no such folder")),
    "packs check a file": Case(("packs", "check", "s.jsonl"), 2, ("s.jsonl", "no such folder")),
    "packs check an empty folder": Case(("packs", "check", "."), 2, ("pack.toml", "no such file")),
    "share of a pack without breadth": Case(
        ("run", "s.jsonl", "--config", "c.toml", "--pack", "code"),
        2,
        ("breadth_share", "0.2", "no in-breadth"),
        {"c.toml": b"[evolver]\nbreadth_share = 0.2\n"},
    ),
    "share against weight": Case(
        ("run", "s.jsonl", "--config", "c.toml"),
        2,
        ("breadth_share", "weights.breadth"),
        {"c.toml": b"[evolver]\nbreadth_share = 0.2\nweights.breadth = 3\n"},
    ),
    "URL wrong": run_flags(2, ("base_url", "https://host/v1"), "--model", "m", "--base-url", "localhost:8000"),
    "URL without model": run_flags(2, ("--model",), "--base-url", "http://h/v1"),
    "generations negative": run_flags(2, ("generations", "-1"), "--generations", "-1"),
    "limit zero": run_flags(2, ("limit",), "--limit", "0"),
    "concurrency zero": run_flags(2, ("concurrency", "auto"), "--concurrency", "0"),
    "concurrency word": run_flags(2, ("concurrency", "auto", "many"), "--concurrency", "many"),
    "rpm zero": run_flags(2, ("limits.rpm",), "--rpm", "0"),
    "cost negative": run_flags(2, ("limits.max_cost",), "--max-cost", "-1"),
    "cost unknown": run_flags(2, ("--max-cost", "price of m", "[models.evolver]"), "--max-cost", "1", *ENDPOINT),
    "price negative": Case(
        ("run", "s.jsonl", "--config", "c.toml"),
        2,
        ("c.toml", "models.default.price.input", "-1"),
        {"c.toml": b"[models.default]\nmodel = 'm'\nprice = { input = -1, output = 2 }\n"},
    ),
    "random seed huge": run_flags(2, ("random_seed",), "--random-seed", str(10**20), *ENDPOINT),
    "seed responses": run_flags(2, ("keep", "regenerate"), "--seed-responses", "drop"),
    "gguf missing": run_flags(2, ("none.gguf",), "--model", "none.gguf"),
    "no key for OpenAI": run_flags(5, ("OPENAI_API_KEY", "api.openai.com"), "--model", "gpt-4o-mini"),
    "no endpoint": run_flags(5, ("127.0.0.1:9", "--base-url"), *ENDPOINT),
    "out is a file": run_flags(7, ("s.jsonl", "--out"), "--out", "s.jsonl"),
    "out below a file": run_flags(2, ("s.jsonl",), "--out", "s.jsonl/x", *ENDPOINT),
    "out long name": run_flags(2, ("name too long",), "--out", LONG, *ENDPOINT),
    "out holds foreign rows": Case(
        ("run", "s.jsonl", "--out", "r"), 7, ("r/generation-0.jsonl",), {"r/generation-0.jsonl": b"{}\n"}
    ),
    "out holds a damaged manifest": Case(
        ("run", "s.jsonl", "--out", "r"), 7, ("r/manifest.json", "damaged"), {"r/manifest.json": b'{"format": 1,'}
    ),
    "out holds a newer manifest": Case(
        ("run", "s.jsonl", "--out", "r"),
        7,
        ("r/manifest.json", "9.0"),
        {"r/manifest.json": b'{"format": 9,"evol_version":"9.0"}'},
    ),
    "dry run on bad seeds": Case(("run", "s.jsonl", "--dry-run"), 2, ("s.jsonl:1",), {"s.jsonl": b"{"}),
    "merge nothing": Case(("merge",), 7, ("output", "manifest.json")),
    "merge a damaged manifest": Case(("merge", "r"), 7, ("r/manifest.json",), {"r/manifest.json": b"\xff\0"}),
    "merge unknown format": Case(("merge", "--format", "csv"), 2, ("csv", "trl")),
    "merge two without out": Case(("merge", "a", "b"), 2, ("--out",)),
    "merge typo in generations": Case(("merge", "--generations", "4-1"), 2, ("--generations '4-1'", "1-4")),
    "merge typo in shares": Case(("merge", "--per-generation", "0=1"), 2, ("--per-generation '0=1'", '"0:1,1:2"')),
    "merge shares twice": Case(("merge", "--per-generation", "0:1,0:2"), 2, ("generation 0 stands twice",)),
    "merge no share": Case(("merge", "--per-generation", "0:0"), 2, ("every share is 0",)),
    "merge typo in only": Case(("merge", "--only", "skil=math"), 2, ("--only 'skil=math'", "skill=math")),
    "merge only without value": Case(("merge", "--only", "skill"), 2, ("--only 'skill'",)),
    "merge no seeds at all": Case(("merge", "--no-seeds", "--generations", "0"), 2, ("--no-seeds", "nothing is left")),
    "merge dedupe": Case(("merge", "--dedupe", "fuzzy"), 2, ("fuzzy", "exact, near or off")),
    "merge threshold alone": Case(("merge", "--threshold", "0.8"), 2, ("--threshold", "--dedupe near")),
    "merge ngram alone": Case(("merge", "--ngram", "8"), 2, ("--ngram", "--against")),
    "merge ngram odd": Case(("merge", "--ngram", "9", "--against", "s.jsonl"), 2, ("--ngram 9", "8")),
    "merge tokens alone": Case(("merge", "--max-tokens", "1024"), 2, ("--max-tokens", "--tokenizer")),
    "merge window": Case(("merge", "--response-words", "many"), 2, ("--response-words 'many'", "10-400")),
    "merge system nowhere": Case(
        ("merge", "--format", "alpaca", "--system", "x"), 2, ("--system", "alpaca", "--format llamafactory")
    ),
    "merge license": Case(("merge", "--license", "My own!"), 2, ("--license 'My own!'", "cc-by-4.0")),
    "merge repository": Case(("merge", "--push-to-hub", "a/b/c"), 2, ("--push-to-hub 'a/b/c'", "me/my-mix")),
    "merge against nothing": Case(("merge", "r", "--against", "none.txt"), 7, ("r", "manifest.json")),
    "merge out of another kind": Case(("merge", "--out", "mix.csv.jsonl", "--format", "parquet"), 2, (".parquet",)),
    "stats nothing": Case(("stats",), 7, ("output", "manifest.json")),
    "stats of a file": Case(("stats", "s.jsonl"), 7, ("s.jsonl",)),
    "stats tokenizer missing": Case(("stats", "--tokenizer", "t.json"), 2, ("--tokenizer t.json", "tokenizer.json")),
    "stats tokenizer seeds": Case(("stats", "--tokenizer", "s.jsonl"), 2, ("--tokenizer s.jsonl", "not a tokenizer")),
    "score nothing": Case(("score",), 7, ("output", "manifest.json")),
    "score a damaged manifest": Case(("score", "r"), 7, ("r/manifest.json",), {"r/manifest.json": b"[]"}),
}


REAL = (
    "seeds line 17",
    "config unknown key",
    "pack unknown",
    "generations negative",
    "gguf missing",
    "no key for OpenAI",
    "no endpoint",
    "out is a file",
    "out holds foreign rows",
    "out holds a damaged manifest",
    "merge nothing",
)
"""One of each kind, started for real."""


def list_tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def call_evol(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, without any key or endpoint of the tester's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_") and "proxy" not in k.lower()}
    return subprocess.run(
        [sys.executable, "-m", "evol.cli", *arguments],
        cwd=folder,
        env={**kept, **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def prepare(folder: Path, case: Case) -> dict[str, bytes | None]:
    """Write a case's files; everything in the folder."""
    for name, content in {"s.jsonl": GOOD, **case.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return list_tree(folder)


def check_sentence(case: Case, stdout: str, stderr: str) -> None:
    """One printable sentence about the mistake on stderr, nothing on stdout."""
    assert "Traceback" not in stderr
    assert case.absent not in stderr
    assert stdout == ""
    # before the first call a run says whom it asks and what it expects; these lines are no errors
    said = [line for line in stderr.splitlines() if not line.startswith(("evol: asking ", "evol: expected "))]
    assert len(said) == 1
    assert said[0].startswith("evol: error: ")
    for word in case.words:
        assert word in said[0]
    assert said[0].isprintable()


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_mistake_is_one_sentence(
    tmp_path: Path, case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What, where, what to do; the documented exit code; no bug's exception; stdout empty; the folder as before."""
    before = prepare(tmp_path, case)
    for name in list(os.environ):
        if name.startswith("OPENAI_") or "proxy" in name.lower():
            monkeypatch.delenv(name)
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["evol", *case.arguments])
    monkeypatch.setattr("evol.cli.let_go", lambda: None)  # this process goes on
    monkeypatch.setattr("evol.cli.heed_swallowed", lambda: None)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == case.code
    check_sentence(case, *capsys.readouterr())
    assert list_tree(tmp_path) == before


@pytest.mark.parametrize("name", REAL)
def test_the_real_command_does_the_same(tmp_path: Path, name: str) -> None:
    """One mistake of each kind, met by the command in a process of its own."""
    case = CASES[name]
    before = prepare(tmp_path, case)
    done = call_evol(tmp_path, *case.arguments, **case.environment)
    check_sentence(case, done.stdout, done.stderr)
    assert done.returncode == case.code
    assert list_tree(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("run", "s.jsonl", "--generation", "x"), "--generation"),
        (("run", "s.jsonl", "--bogus"), "--bogus"),
        (("run", "a.jsonl", "b.jsonl"), "b.jsonl"),
        (("run", "s.jsonl", "--generations", "many"), "--generations"),
        (("merge", "--size", "0"), "--size"),
        (("merge", "--holdout", "-1"), "--holdout"),
        (("merge", "--threshold", "high"), "--threshold"),
        (("merge", "--holdouts", "1"), "--holdouts"),
        (("score", "--sample", "0"), "--sample"),
        (("score", "a", "b"), "b"),
        (("evolve",), "evolve"),
    ],
)
def test_a_wrong_command_line_exits_with_2(tmp_path: Path, arguments: tuple[str, ...], word: str) -> None:
    """What the parser refuses it names, with exit code 2 and nothing done."""
    (tmp_path / "s.jsonl").write_bytes(GOOD)
    done = call_evol(tmp_path, *arguments)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list_tree(tmp_path) == {"s.jsonl": GOOD}


def test_the_version_is_printed(tmp_path: Path) -> None:
    """`evol --version` works alone, on stdout."""
    done = call_evol(tmp_path, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("evol ")
