"""Commands that are disturbed and repeated until they come to their end: their start, and what must come out."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from conftest import Evol
from fake_server import FakeServer, last_message, reply_to
from forked import Forkery
from simulated_judge import make_judge, write_rivals

_judge = make_judge()


def reply_to_all(body: dict[str, Any]) -> str:
    """A reply to every kind of request, the judge of `evol compare` included."""
    return _judge(body) if "] first response\n" in last_message(body) else reply_to(body)


def cut_journal(folder: Path) -> None:
    """As if the run had been killed half-way, in the middle of a write."""
    journal = folder / "output" / "journal.jsonl"
    content = journal.read_bytes()
    journal.write_bytes(content[: len(content) // 2])
    for path in (*(folder / "output").glob("generation-*"), folder / "output" / "eliminated.jsonl"):
        path.unlink()
    manifest = folder / "output" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"status": "done"', b'"status": "running"'))


def write_responses(folder: Path) -> None:
    """What two rivals responded to three questions."""
    write_rivals(folder, {"a": [3, 5, 7], "b": [4, 5, 2]})


def write_questions(folder: Path) -> None:
    """Three questions."""
    (folder / "q.jsonl").write_bytes(b"".join(b'{"id": "%d", "instruction": "Task %d."}\n' % (n, n) for n in range(3)))


def change_seed(folder: Path) -> None:
    """One seed is edited: the outputs will be others."""
    seeds = folder / "seeds.jsonl"
    seeds.write_bytes(seeds.read_bytes().replace(b"item 0", b"item zero"))


@dataclass(frozen=True)
class Trial:
    """One command.

    Attributes:
        words: of the command.
        results: patterns of the files it makes, which must come out the same.
        before: commands that come first, undisturbed.
        arrange: what else is done first, after those.
        journal: of the command, "" where it asks nobody.
        asks: whether it is told model and endpoint.
        seeds: of a run.
    """

    words: tuple[str, ...]
    results: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    arrange: Callable[[Path], None] = lambda folder: None
    journal: str = ""
    asks: bool = False
    seeds: int = 3


RUN = ("run", "seeds.jsonl", "--generations", "2", "--concurrency", "4")
OUTPUTS = ("output/generation-*.jsonl", "output/eliminated.jsonl")
MIX = ("output/mix*",)
JOURNAL = "output/journal.jsonl"

TRIALS = {
    "run": Trial(RUN, OUTPUTS, journal=JOURNAL, asks=True),
    "resume": Trial(RUN, OUTPUTS, (RUN,), cut_journal, journal=JOURNAL, asks=True),
    "grow": Trial(RUN, OUTPUTS, (RUN,), change_seed, journal=JOURNAL, asks=True),
    "shrink": Trial((*RUN[:3], "1"), OUTPUTS, (RUN,), journal=JOURNAL, asks=True),
    "merge": Trial(("merge", "--format", "llamafactory", "--holdout", "2"), (*MIX, "output/dataset_info.json"), (RUN,)),
    "merge again": Trial(("merge", "--size", "5"), MIX, (RUN, ("merge", "--format", "axolotl", "--holdout", "2"))),
    "merge to a folder": Trial(("merge", "--out", "mixed"), ("mixed/*",), (RUN,)),
    "score": Trial(
        ("score", "--quiet", "--concurrency", "4"), ("output/scores.jsonl",), (RUN,), journal=JOURNAL, asks=True
    ),
    "stats": Trial(("stats", "--json"), (), (RUN,)),
    "stats --html": Trial(("stats", "--html", "report.html"), ("report.html",), (RUN,)),
    "respond": Trial(
        ("respond", "q.jsonl", "--out", "r.jsonl", "--concurrency", "4"),
        ("r.jsonl",),
        arrange=write_questions,
        journal="r.journal.jsonl",
        asks=True,
    ),
    "compare": Trial(
        ("compare", "a.jsonl", "b.jsonl", "--html", "verdicts.html", "--concurrency", "4"),
        ("verdicts.jsonl", "verdicts.html"),
        arrange=write_responses,
        journal="verdicts.journal.jsonl",
        asks=True,
    ),
}


@dataclass
class Bench:
    """Carries out one trial again and again, each time from the same start.

    Attributes:
        trial: which.
        evol: folder and endpoint.
        forkery: starts the commands.
        calm: what an undisturbed command makes, once `prepare` was called.
    """

    trial: Trial
    evol: Evol
    forkery: Forkery
    calm: dict[str, bytes] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the command works."""
        return self.evol.folder / "work"

    @property
    def words(self) -> list[str | Path]:
        """The whole command."""
        return self._complete(self.trial.words, self.trial.asks)

    def prepare(self, seeds: int = 0) -> None:
        """Make the start, and learn what comes out undisturbed."""
        start = self.evol.folder / "start"
        start.mkdir()
        rows = (
            {"id": f"s{n}", "instruction": f"Describe item {n} of set s."} for n in range(seeds or self.trial.seeds)
        )
        (start / "seeds.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        for words in self.trial.before:
            done = self.forkery.run(self._complete(words, words[0] == "run"), start)
            assert done.returncode == 0, done.stderr
        self.trial.arrange(start)
        self.reset()
        done = self.forkery.run(self.words, self.folder)
        assert done.returncode == 0, done.stderr
        self.calm = self.read()
        assert self.calm or not self.trial.results

    def reset(self) -> None:
        """Go back to the start."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.evol.folder / "start", self.folder)

    def read(self) -> dict[str, bytes]:
        """The files that the command makes."""
        found = {path for pattern in self.trial.results for path in self.folder.glob(pattern)}
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in sorted(found)}

    def find_leftovers(self) -> list[str]:
        """Temporary files."""
        return [str(path) for path in self.folder.rglob("*") if path.name.endswith(".tmp")]

    def count_journaled(self) -> Counter[bytes]:
        """How often each request body stands in the journal as a completed call; a torn last line is left out."""
        found: Counter[bytes] = Counter()
        path = self.folder / self.trial.journal
        for line in path.read_bytes().split(b"\n")[:-1] if self.trial.journal and path.exists() else []:
            record = orjson.loads(line)
            if record["kind"] == "call":
                found[orjson.dumps(record["request"])] += 1
        return found

    def count_repeated_keys(self) -> int:
        """Calls that stand twice in the journal: each was paid twice."""
        path = self.folder / self.trial.journal
        if not self.trial.journal or not path.exists():
            return 0
        records = [orjson.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        keys = [record["key"] for record in records if record["kind"] == "call"]
        return len(keys) - len(set(keys))

    def _complete(self, words: tuple[str, ...], asks: bool) -> list[str | Path]:
        return [*words, *(["--model", "m", "--base-url", self.evol.url] if asks else [])]


def make_server(server: FakeServer) -> FakeServer:
    """Let the endpoint reply to every command."""
    server.reply = reply_to_all
    return server
