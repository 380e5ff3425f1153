"""A Batch API that does whatever it likes: a code of the table, right sums, nothing paid twice, the key nowhere."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import orjson
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from conftest import KEY, Evol, read_outputs, read_rows
from evol import batchstore
from evol.backends import batch as batch_module
from evol.backends import batchservice
from fake_batches import FakeBatch, FakeBatchServer
from fake_server import ABSURD_USAGE, Fault
from forked import Forkery
from test_hostile_server import CODES, WEATHERS
from test_secrets import check_streams, find_leaks

LIMITS = "[limits]\npoll = 0.03\ntimeout = 0.4\nretry_for = 0.5\ngive_up_after = 0.3\n"
STEPS = ("upload", "create", "look", "list", "fetch")

REPLIES: dict[str, int | Fault] = {
    "500": (500, {}, b"<html>Bearer %s</html>" % KEY.encode()),
    "429": (429, {}, b'{"error":{"message":"slow down, %s"}}' % KEY.encode()),
    "429, wait": (429, {"Retry-After": "0.05"}, b""),
    "429, absurd wait": (429, {"Retry-After": "-1e999"}, b"\xff\xfe"),
    "408": 408,
    "418": (418, {}, b"\x1b]0;hit\x07"),
    "400": (400, {}, b'{"error":{"message":"%s","code":"%s"}}' % (KEY.encode(), KEY.encode())),
    "403": (403, {}, b'{"error":{"message":"content management policy"}}'),
    "404": 404,
    "deep error": (400, {}, b'{"error":{"message":%s}}' % (b"[" * 1000 + b"]" * 1000)),
    "empty": (200, {}, b""),
    "null": (200, {}, b"null"),
    "list": (200, {}, b"[1]"),
    "object": (200, {}, b"{}"),
    "html": (200, {}, b"<html>%s</html>" % KEY.encode()),
    "not UTF-8": (200, {}, b'{"id":"\xff\xfe"}'),
    "deep": (200, {}, b"[" * 100_000),
    "deep object": (200, {}, b'{"id":%s}' % (b'{"a":' * 1000 + b"1" + b"}" * 1000)),
    "a path as id": (200, {}, b'{"id":"../../x","status":"validating"}'),
    "dots as id": (200, {}, b'{"id":"..","status":"validating"}'),
    "a host as id": (200, {}, b'{"id":"//evil.invalid/x","status":"validating"}'),
    "a long id": (200, {}, b'{"id":"%s","status":"validating"}' % (b"x" * 100_000)),
    "the key as id": (200, {}, b'{"id":"%s","status":"validating"}' % KEY.encode()),
    "no list": (200, {}, b'{"data":{"a":1},"has_more":true}'),
    "odd entries": (200, {}, b'{"data":[1,null,{"metadata":"x"},{"metadata":[1]},{"created_at":"x"}]}'),
    "endless pages": (200, {}, b'{"data":[{"id":"b","metadata":{"a":"b"},"created_at":-5}],"has_more":true}'),
    "hang": "hang",
    "reset": "reset",
}  # fmt: skip
"""What any of the five calls may get instead of its reply."""

TOLD: dict[str, Callable[[dict[str, Any], FakeBatch], dict[str, Any]]] = {
    "a state never heard of": lambda told, batch: told | ({"status": "pondering"} if batch.looks < 4 else {}),
    "the key as state": lambda told, batch: told | ({"status": f"\x1b[31m{KEY}\n"} if batch.looks < 3 else {}),
    "a state that is none": lambda told, batch: told | ({"status": {"a": [KEY] * 9}} if batch.looks < 3 else {}),
    "back and forth": lambda told, batch: told | ({"status": "in_progress"} if batch.looks % 2 else {}),
    "no file at first": lambda told, batch: told | ({"output_file_id": None} if batch.looks < 4 else {}),
    "absurd figures": lambda told, batch: (
        told
        | {"request_counts": {"completed": -5, "failed": "x"}, "expires_at": 1.5e300, "created_at": 2**63}
        | {"metadata": {"evol_intent": told["metadata"]["evol_intent"], "note": KEY}}
    ),
    "no figures": lambda told, batch: told | {"request_counts": [KEY], "expires_at": "soon", "errors": KEY},
    "odd errors": lambda told, batch: told | {"errors": {"data": [{"code": [KEY], "message": {"a": KEY}}]}},
}  # fmt: skip
"""What the server says of a batch, in spite of what is so; in the end it tells the truth."""


def spoil(line: bytes, **body: Any) -> bytes:
    """A result with another body."""
    found = orjson.loads(line)
    found["response"]["body"] |= body
    return json.dumps(found).encode() + b"\n"


def fill(line: bytes, content: str) -> bytes:
    """A result with another reply."""
    choice = {"message": {"content": content}, "finish_reason": "stop"}
    return spoil(line, choices=[choice])


RESULTS: dict[str, Callable[[bytes], bytes]] = {
    "torn": lambda line: line[: len(line) // 2] + b"\n",
    "doubled": lambda line: line + line,
    "unknown": lambda line: line + spoil(line).replace(orjson.loads(line)["custom_id"].encode(), b"f" * 64),
    "no choices": lambda line: spoil(line, choices=[]),
    "absurd usage": lambda line: spoil(line, usage=ABSURD_USAGE[len(line) % len(ABSURD_USAGE)]),
    "another model": lambda line: spoil(line, model="another"),
    "not UTF-8": lambda line: line.replace(b'"content":"', b'"content":"\xff\xfe'),
    "NUL": lambda line: b"\0" + line,
    "surrogate": lambda line: line.replace(b'"content":"', b'"content":"\\ud800'),
    "deep": lambda line: deepen(line),
    "huge number": lambda line: line.replace(b'"status_code":200', b'"status_code":2' + b"0" * 400),
    "key": lambda line: fill(line, f"Your key is {KEY}, and that is all that can be said about it by anybody."),
    "key as error": lambda line: fail(line, {"code": KEY, "message": f"no, {KEY}"}),
    "deep error": lambda line: fail(line, {"message": [[]]}).replace(b"[[]]", b"[" * 1000 + b"]" * 1000),
    "array": lambda line: b"[]\n",
    "long": lambda line: b"x" * 30_000 + b"\n",
}
"""What may stand in the files of results instead of a line."""


def deepen(line: bytes) -> bytes:
    """A result that can be read, but not be written again."""
    return line.replace(b'"body":{', b'"body":{"deep":%s,' % (b"[" * 900 + b"]" * 900))


def fail(line: bytes, error: dict[str, Any]) -> bytes:
    """A request that never was at work."""
    return orjson.dumps({"custom_id": orjson.loads(line)["custom_id"], "response": None, "error": error}) + b"\n"


@pytest.fixture
def server() -> Iterator[FakeBatchServer]:
    """An endpoint that has a Batch API as well."""
    with FakeBatchServer(key=KEY) as running:
        yield running


@pytest.fixture
def elsewhere() -> Iterator[FakeBatchServer]:
    """Another host, where nobody has any business."""
    with FakeBatchServer() as running:
        yield running
        assert not running.seen
        assert not running.events


class Batches:
    """Batch runs of one folder against a server that misbehaves."""

    def __init__(self, evol: Evol, server: FakeBatchServer, seeds: Path) -> None:
        self.evol, self.server, self.seeds = evol, server, seeds
        self.folder = evol.folder / "output"
        self.hurry()
        server.slowness = 1

    def hurry(self) -> None:
        """Give up soon."""
        (self.evol.folder / "c.toml").write_text(LIMITS)

    def run(self) -> int:
        """The command ends with a code of the table and one sentence; the key is nowhere, the sum is right."""
        done = self.evol.run(*self.words)
        self.said = done.stderr
        assert done.returncode in CODES, done.stderr
        assert "Traceback" not in done.stderr
        assert all(line.isprintable() for line in done.stderr.splitlines())
        assert len([line for line in done.stderr.splitlines() if line.startswith("evol: error:")]) <= 1
        check_streams(done)
        assert not find_leaks(self.evol.folder)
        self.check_sum()
        return done.returncode

    @property
    def words(self) -> list[str | Path]:
        """Of the command."""
        return [self.seeds, "--generations", "1", "--backend", "batch", "--config", self.evol.folder / "c.toml"]

    def check_sum(self) -> None:
        """Seeds = kept + eliminated + unfinished in every generation."""
        if not (self.folder / "manifest.json").exists():
            return
        [figures] = json.loads(self.evol.call("stats", "--json").stdout)
        for count in figures["generations"]:
            gone = sum(count["eliminated"].values())
            assert count["survivors"] + gone + count["unfinished"] == figures["seeds"]
        for count in figures["calls"].values():
            assert all(0 <= count[name] < 10**9 for name in ("input_tokens", "output_tokens", "calls", "attempts"))

    def clear(self) -> None:
        """From now on the server is well, and so is the network."""
        (self.evol.folder / "c.toml").write_text("[limits]\npoll = 0.03\n")
        self.server.event = lambda name, times: None
        self.server.tell = lambda told, batch: told
        self.server.edit = lambda content, kind: content

    def finish(self) -> None:
        """The same command comes to its end; no call stands twice in the journal, and all that was sent counts once."""
        self.clear()
        assert self.run() == 0, self.said
        records = [row for row in read_rows(self.folder / "journal.jsonl") if row["kind"] == "call"]
        assert len({row["key"] for row in records}) == len(records)
        assert not (self.folder / "batches").exists()

    def finish_like(self, calm: str = "calm") -> None:
        """… with the bytes of a run that never met this."""
        self.finish()
        assert self.evol.run(self.seeds, "--generations", "1", "--out", calm).returncode == 0
        assert read_outputs(self.folder) == read_outputs(self.evol.folder / calm)


@pytest.fixture
def batches(evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path]) -> Batches:
    """Four seeds, one generation."""
    return Batches(evol, server, write_seeds(4))


ALL = "EVOL_WEATHERS" in os.environ
NAMES = [*REPLIES, "301", "302", "307"]
CASES = [*zip(NAMES, itertools.cycle(STEPS), strict=False)]
"""Each reply at one of the calls; every reply at every call where EVOL_WEATHERS is set."""


@pytest.mark.parametrize(
    ("name", "step"),
    [
        *CASES[::2],
        *(pytest.param(*case, marks=pytest.mark.slow) for case in CASES[1::2]),
        *(
            pytest.param(name, step, marks=pytest.mark.slow)
            for name, step in itertools.product(NAMES, STEPS if ALL else ())
            if (name, step) not in CASES
        ),
    ],
)
def test_a_call_that_always_gets_the_wrong_reply(
    batches: Batches, server: FakeBatchServer, elsewhere: FakeBatchServer, name: str, step: str
) -> None:
    """Each of the five calls: exit 5 after few requests; well again, the same command pays nothing twice."""
    away = {"Location": f"{elsewhere.url}/files", "Refresh": f"0; url={elsewhere.url}"}
    reply = REPLIES[name] if name in REPLIES else (int(name), away, b"")

    def event(what: str, times: int) -> int | Fault | None:
        if what == "created" and step == "list":
            return 502  # the list is asked only where it is not known what became of a creation
        return reply if what == step else None

    server.event = event
    code = batches.run()
    # a list without the batch says that there is none; a file without a result is told below
    assert code in ((0, 3, 5) if step in ("list", "fetch") else (5,)), batches.said
    assert sum(server.events.values()) < (600 if name == "endless pages" else 150)
    batches.finish_like()
    if step not in ("list", "fetch"):
        assert set(server.paid.values()) == {1}


@pytest.mark.parametrize("name", list(TOLD))
def test_whatever_is_said_of_a_batch(batches: Batches, server: FakeBatchServer, name: str) -> None:
    """Odd states, figures and errors, a batch that goes back: it is waited for, and each request is paid once."""
    batches.clear()
    server.tell = TOLD[name]
    assert batches.run() == 0, batches.said
    assert set(server.asked.values()) == {1}
    batches.finish_like()


@pytest.mark.parametrize("name", list(RESULTS))
def test_whatever_stands_in_the_results(
    batches: Batches, server: FakeBatchServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Each second line of each file is spoiled, the first time: what is left is used, and the run comes to its end."""
    monkeypatch.setattr(batchstore, "MOST_LINE_BYTES", 20_000)
    spoilt: list[bytes] = []

    def edit(content: bytes, kind: str) -> bytes:
        lines = content.splitlines(keepends=True)
        if len(lines) == 1 or len(spoilt) > 3:
            return content
        spoilt.append(content)
        return b"".join(RESULTS[name](line) if number % 2 else line for number, line in enumerate(lines))

    batches.clear()
    server.edit = edit
    assert batches.run() in (0, 3), batches.said
    assert spoilt
    assert max(server.asked.values()) <= batch_module.TRIES
    batches.finish()


@pytest.mark.parametrize("content", [b"<html>Bearer %s</html>\n" % KEY.encode(), b"\0\xff" * 500, b"[" * 100_000])
def test_results_without_any_result_are_not_paid_again(
    batches: Batches, server: FakeBatchServer, content: bytes
) -> None:
    """A file that holds no result at all is fetched again, then exit 5 with the way out."""
    batches.clear()
    server.event = lambda name, times: (200, {}, content) if name == "fetch" else None
    assert batches.run() == 5
    assert "its files hold no result of its requests" in batches.said
    assert "if it is lost for good, remove output/batches/" in batches.said
    assert server.events["fetch"] == 1 + batch_module.MORE_TRIES
    batches.finish_like()
    assert set(server.asked.values()) == {1}


def test_a_torn_download_is_fetched_again(batches: Batches, server: FakeBatchServer) -> None:
    """Fewer results than the server has answered: the file is asked for again, and nothing is paid twice."""

    def event(name: str, times: int) -> Fault | None:
        if name != "fetch" or times % 2:
            return None
        whole = server.files[list(server.batches.values())[-1].output_id]
        return (200, {}, whole[: len(whole) // 2])

    batches.clear()
    server.event = event
    assert batches.run() == 0, batches.said
    assert set(server.asked.values()) == {1}
    batches.finish_like()


@pytest.mark.parametrize("completed", [None, 4])
def test_a_batch_that_names_no_file(batches: Batches, server: FakeBatchServer, completed: int | None) -> None:
    """Completed, and where the results are is never said: exit 5 with the way out instead of paying again."""
    batches.clear()
    counts = {} if completed is None else {"completed": completed}
    server.tell = lambda told, batch: told | {"output_file_id": None, "request_counts": counts}
    assert batches.run() == 5
    assert "the server names no file of results" in batches.said
    assert set(server.asked.values()) == {1}
    batches.finish_like()
    assert set(server.asked.values()) == {1}


def test_a_batch_that_never_ends(batches: Batches, server: FakeBatchServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long after its time the run ends with exit 5 and says so; the same command looks again."""
    batches.clear()
    monkeypatch.setattr(batch_module, "OVERDUE", 0.2)
    server.slowness = 10**6
    assert batches.run() == 5
    assert "the batch batch_0 is still 'in_progress' after" in batches.said
    assert "the same command looks again" in batches.said
    server.slowness = 1
    batches.finish_like()
    assert set(server.asked.values()) == {1}


def test_an_endless_file_fills_neither_memory_nor_disk(
    batches: Batches, server: FakeBatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gigabyte of results for four requests is given up where no results can be that long."""
    assert batchservice.MOST_EXTRA + 50_000 * batchservice.MOST_RESULT < 60e9
    batches.clear()
    server.event = lambda name, times: "flood" if name == "fetch" else None
    words = ["run", *batches.words, "--quiet", "--model", "m", "--base-url", server.url]
    with Forkery(batches.evol.folder, batches.evol.environment()) as forkery:
        flooded = forkery.run(words, batches.evol.folder)
        assert flooded.returncode == 5, flooded.stderr
        assert "which is no file of results" in flooded.stderr
        peak = forkery.peak
        server.event = lambda name, times: None
        assert forkery.run(words, batches.evol.folder).returncode == 0
        assert peak - forkery.peak < 60 << 20
    assert set(server.asked.values()) == {1}


class Weather(RuleBasedStateMachine):
    """A batch run that is carried on under changing weather; `make` gives it its folder and server."""

    make: Callable[[], Batches]

    @initialize()
    def begin(self) -> None:
        """A new folder under a clear sky."""
        self.batches = type(self).make()
        self.may_repeat = False

    @rule(
        replies=st.lists(st.sampled_from([None, None, None, *REPLIES]), min_size=1, max_size=9),
        told=st.sampled_from([None, *TOLD]),
        results=st.lists(st.sampled_from([None, None, None, *RESULTS]), min_size=1, max_size=9),
    )
    def run_in(self, replies: list[str | None], told: str | None, results: list[str | None]) -> None:
        """One call after the other meets one of these, each line of results as well."""
        numbers = itertools.count()

        def event(name: str, times: int) -> int | Fault | None:
            found = replies[next(numbers) % len(replies)] if name in STEPS else None
            self.may_repeat |= found is not None and name in ("list", "fetch", "create")
            return None if found is None else REPLIES[found]

        def edit(content: bytes, kind: str) -> bytes:
            self.may_repeat |= any(results)
            edited = b""
            for number, line in enumerate(content.splitlines(keepends=True)):
                name = results[number % len(results)]
                edited += line if name is None or kind == "error" else RESULTS[name](line)
            return edited

        self.batches.hurry()
        self.batches.server.event, self.batches.server.edit = event, edit
        self.batches.server.tell = TOLD[told] if told else lambda described, batch: described
        self.batches.run()

    def teardown(self) -> None:
        """Under a clear sky the same command comes to its end."""
        if hasattr(self, "batches"):
            self.batches.finish()
            if not self.may_repeat:
                assert set(self.batches.server.asked.values()) == {1}


@pytest.mark.parametrize(
    "examples",
    [
        pytest.param(3, id="quick"),
        pytest.param(WEATHERS if ALL else 10, id="thorough", marks=pytest.mark.slow),
    ],
)
def test_a_batch_run_survives_any_weather(
    tmp_path: Path, server: FakeBatchServer, write_seeds: Callable[..., Path], examples: int
) -> None:
    """Faults of every kind at once and in any order: codes of the table, right sums, an end that is whole."""
    seeds, folders = write_seeds(4), itertools.count()

    def make() -> Batches:
        folder = tmp_path / str(next(folders))
        folder.mkdir()
        server.batches.clear()
        server.paid.clear()
        return Batches(Evol(folder, server.url), server, seeds)

    Weather.make = staticmethod(make)
    run_state_machine_as_test(
        Weather,
        settings=settings(
            max_examples=examples,
            stateful_step_count=3,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            derandomize=examples < 20,
            suppress_health_check=list(HealthCheck),
        ),
    )
