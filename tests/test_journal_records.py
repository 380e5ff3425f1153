"""What a journal knows after it is opened again: figures, long lines, one seed alone, and what it refuses."""

from __future__ import annotations

import time
import zlib
from pathlib import Path

import orjson
import pytest

from evol.calltotals import CallTotals
from evol.errors import FolderError
from evol.journal import JOURNAL_NAME, Journal, has_calls
from evol.journaltail import read_last_progress
from evol.records import (
    UNKNOWN_TOKENS,
    BatchRecord,
    BatchState,
    Completion,
    CompletionRequest,
    Price,
    Progress,
    Role,
    ThrottleChange,
)

BODY = b'{"model":"m","messages":[]}'


def ask(seed_id: str, role: Role = "evolver", body: bytes = BODY) -> CompletionRequest:
    """A request for a seed's first generation."""
    return CompletionRequest(seed_id, 1, role, 1, body)


def count(totals: CallTotals) -> dict[str, int]:
    """Every figure of one role."""
    return {name: getattr(totals, name) for name in CallTotals.__slots__}


def test_figures_are_the_same_after_reopening(tmp_path: Path) -> None:
    """Calls with usage, with half of it and with none, failures that cost and that do not: by hand, and once more."""
    change = ThrottleChange(time=1.0, label="m at h", limit=4, pace=2.5, in_flight=3, reason="start")
    text = 'a ,"reply":"x","request":{ \\ "é"'
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        journal.append(ask("a"), Completion(text, "stop", 10, 20), latency=0.1)
        journal.append(ask("b"), Completion(text, "stop", UNKNOWN_TOKENS, 20), latency=0.1)
        journal.append(ask("c"), Completion(text, "stop", 10, UNKNOWN_TOKENS), latency=0.1)
        journal.append(ask("d", "judge"), Completion("Equal", "stop"), latency=0.1)
        journal.append_throttle(change)
        journal.append_failure(ask("e"), 'said ,"error":"x"')
        journal.append_failure(ask("f"), "empty", Completion("", "stop", 7, 0))
        before = {role: count(totals) for role, totals in journal.totals.items()}
    reply = len(orjson.dumps(text))
    assert before["evolver"] == {
        "attempts": 5,
        "batch_input_tokens": 0,
        "batch_output_tokens": 0,
        "calls": 3,
        "calls_without_usage": 2,
        "failures": 2,
        "input_tokens": 17,
        "output_tokens": 20,
        "estimated_input_tokens": 2 * (len(BODY) // 4),
        "estimated_output_tokens": 2 * (reply // 4),
    }
    heads: list[dict[str, object]] = []
    with Journal.open_for_reading(tmp_path, heads.append) as journal:
        assert {role: count(totals) for role, totals in journal.totals.items()} == before
        assert journal.throttle_changes == [change]
        assert (journal.attempts, journal.calls) == (6, 4)
        frozen = journal.freeze_totals({"evolver": Price(input=1.0, output=2.0)})
        assert journal.find(ask("b")) == Completion(text, "stop", UNKNOWN_TOKENS, 20)
    assert [head["seed_id"] for head in heads] == ["a", "b", "c", "d", "e", "f"]
    assert frozen.keys() == {"evolver", "judge", "responder"}  # nobody was asked to score
    tokens = before["evolver"]
    paid_in = tokens["input_tokens"] + tokens["estimated_input_tokens"]
    paid_out = tokens["output_tokens"] + tokens["estimated_output_tokens"]
    assert frozen["evolver"].cost == pytest.approx((paid_in + 2 * paid_out) / 1e6, abs=1e-6)
    assert frozen["evolver"].input_tokens == 17
    assert frozen["judge"].cost is None


@pytest.mark.parametrize("size", [100, 1 << 14, 100_000, 3_000_000])
def test_long_records_are_found(tmp_path: Path, size: int) -> None:
    """A reply and a request of any length come back whole, beside others, also over several blocks of the scan."""
    long = ask("long", body=b'{"x":"' + b"q" * size + b'"}')
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        journal.append(ask("before"), Completion("one"), latency=0.0)
        journal.append(long, Completion("r" * size), latency=0.0)
        journal.append(ask("after"), Completion("two"), latency=0.0)
    with Journal.open_for_reading(tmp_path) as journal:
        found = [journal.find(request) for request in (ask("before"), long, ask("after"))]
    assert found == [Completion("one"), Completion("r" * size), Completion("two")]


def test_a_scorers_calls_bind_no_run(tmp_path: Path) -> None:
    """A folder without a journal, with an empty one or with a scorer's calls alone holds no calls of a run."""
    assert has_calls(tmp_path) is False
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        assert has_calls(tmp_path) is False
        journal.append(ask("a", "scorer"), Completion("7"), latency=0.0)
        assert has_calls(tmp_path) is False
        journal.append(ask("a", "judge"), Completion("Equal"), latency=0.0)
        assert has_calls(tmp_path) is True


def test_one_seed_alone(tmp_path: Path) -> None:
    """Of one seed's records those alone are taken in; what a text says of a seed is no record of it."""
    decoy = Completion('"kind":"call","seed_id":"b",')
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        journal.append(ask("a"), decoy, latency=0.0)
        journal.append(ask("b"), Completion("mine"), latency=0.0)
        journal.append(ask("c", body=b'{"x":1,"seed_id":"b","y":2}'), Completion("not mine"), latency=0.0)
    with Journal.open_for_reading(tmp_path, only="b") as journal:
        assert (journal.calls, journal.find(ask("b"))) == (1, Completion("mine"))
        assert journal.find(ask("a")) is None


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """A flipped bit is found, with its line and what to do, by readers and by runs."""
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        for name in "abc":
            journal.append(ask(name), Completion("reply"), latency=0.0)
    path = tmp_path / JOURNAL_NAME
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], lines[1].replace(b"reply", b"reqly", 1), *lines[2:]]))
    for opening in (Journal.open_for_reading(tmp_path), Journal.open_for_run(tmp_path, lambda text: None)):
        with (
            pytest.raises(FolderError, match=r"journal\.jsonl:2: a damaged line: restore the file from a copy"),
            opening,
        ):
            pass


def test_a_record_that_changes_under_a_reader_is_noticed(tmp_path: Path) -> None:
    """Who writes into a journal that another process reads is told of, whether lines changed or vanished."""
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        journal.append(ask("a"), Completion("reply"), latency=0.0)
    path = tmp_path / JOURNAL_NAME
    content = path.read_bytes()
    for now in (b"", b"{" * len(content), content[:-1], content.replace(b'"key"', b'"kex"')):
        path.write_bytes(content)
        with Journal.open_for_reading(tmp_path) as journal:
            path.write_bytes(now)
            with pytest.raises(FolderError, match=r"journal\.jsonl: changed while it was read: let one process use"):
                journal.find(ask("a"))


def test_a_line_without_its_line_feed_is_kept(tmp_path: Path) -> None:
    """If nothing but the line feed was lost, the record stays, and the next one begins on a line of its own."""
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        journal.append(ask("a"), Completion("one"), latency=0.0)
    path = tmp_path / JOURNAL_NAME
    path.write_bytes(path.read_bytes()[:-1])
    notices: list[str] = []
    with Journal.open_for_run(tmp_path, notices.append) as journal:
        journal.append(ask("b"), Completion("two"), latency=0.0)
        assert [journal.find(ask(name)) for name in "ab"] == [Completion("one"), Completion("two")]
    assert notices == []
    assert path.read_bytes().count(b"\n") == 2
    with Journal.open_for_reading(tmp_path) as journal:
        assert [journal.find(ask(name)) for name in "ab"] == [Completion("one"), Completion("two")]


def test_a_torn_line_is_cut_with_a_notice(tmp_path: Path) -> None:
    """The notice names the file and how much was cut off."""
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        journal.append(ask("a"), Completion("one"), latency=0.0)
    path = tmp_path / JOURNAL_NAME
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:37])
    notices: list[str] = []
    with Journal.open_for_run(tmp_path, notices.append):
        pass
    assert notices == [f"{path}: the last line was torn (37 bytes, an unfinished write); it was cut off"]
    assert path.read_bytes() == whole


def test_names_inside_a_request_are_no_parts_of_the_record(tmp_path: Path) -> None:
    """A body whose own keys are called reply, request and error is recorded, counted and found like any other."""
    body = b'{"model":"m","reply":"x","request":{},"error":"y"}'
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        journal.append(ask("a", body=body), Completion("one"), latency=0.0)
        before = count(journal.totals["evolver"])
    assert before["estimated_input_tokens"] == len(body) // 4
    with Journal.open_for_reading(tmp_path) as journal:
        assert count(journal.totals["evolver"]) == before
        assert journal.find(ask("a", body=body)) == Completion("one")


def test_a_seed_with_a_long_name_alone(tmp_path: Path) -> None:
    """A seed's records are found by its name however long it is, and no record of another that speaks of it."""
    name = "n" * 200
    decoy = ask("b", body=orjson.dumps({"x": 1, "seed_id": name, "y": "z" * 300}))
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        journal.append(decoy, Completion("not mine" * 40), latency=0.0)
        journal.append(ask(name), Completion("mine"), latency=0.0)
    with Journal.open_for_reading(tmp_path, only=name) as journal:
        assert (journal.calls, journal.find(ask(name))) == (1, Completion("mine"))


def write_lines(folder: Path, *contents: bytes) -> Path:
    """A journal by hand: each line is given without its checksum and closing brace."""
    path = folder / JOURNAL_NAME
    path.write_bytes(b"".join(content + b',"crc":"%08x"}\n' % zlib.crc32(content) for content in contents))
    return path


def batch(intent: str, state: BatchState) -> BatchRecord:
    """What became of a batch."""
    return BatchRecord(intent=intent, state=state, label="m at h", requests=2, sha256="0", time=1.0)


def test_a_line_is_what_other_tools_read(tmp_path: Path) -> None:
    """Figures first, in their order, then reply and request; the checksum is the CRC-32 of all before it."""
    begun = time.time()
    with Journal.open_for_run(tmp_path, print) as journal:
        request = CompletionRequest("a", 3, "judge", 2, BODY)
        journal.append(request, Completion("Equal é", "stop", 10, 20), latency=0.123456)
        journal.append_failure(request, "gave up", Completion("", "length", 7, 1))
        journal.append(request, Completion("Equal"), latency=0.0, is_batch=True)
        journal.append_failure(request, "expired", intent="b1")
    ended = time.time()
    lines = (tmp_path / JOURNAL_NAME).read_bytes().splitlines()
    call, failure, batched, expired = map(orjson.loads, lines)
    for line, record in zip(lines, (call, failure, batched, expired), strict=True):
        assert int(record.pop("crc"), 16) == zlib.crc32(line[: line.rindex(b',"crc":')])
        assert begun - 0.001 <= record["time"] <= ended + 0.001
        assert record["time"] == round(record["time"], 3)
    head = {"key": request.key, "seed_id": "a", "generation": 3, "role": "judge", "ask": 2}
    unknown = {"finish_reason": "", "input_tokens": UNKNOWN_TOKENS, "output_tokens": UNKNOWN_TOKENS}
    assert call == {
        "kind": "call",
        **head,
        "latency": 0.1235,
        "time": call["time"],
        "finish_reason": "stop",
        "input_tokens": 10,
        "output_tokens": 20,
        "reply": "Equal é",
        "request": orjson.loads(BODY),
    }
    assert list(call)[-2:] == ["reply", "request"]
    assert failure == {
        "kind": "failure",
        **head,
        "latency": 0,
        "time": failure["time"],
        "finish_reason": "length",
        "input_tokens": 7,
        "output_tokens": 1,
        "error": "gave up",
    }
    assert batched == {
        "kind": "call",
        **head,
        "latency": 0,
        "time": batched["time"],
        **unknown,
        "batch": True,
        "reply": "Equal",
        "request": orjson.loads(BODY),
    }
    assert expired == {
        "kind": "failure",
        **head,
        "latency": 0,
        "time": expired["time"],
        **unknown,
        "batch": True,
        "intent": "b1",
        "error": "expired",
    }


def test_what_went_through_batches_costs_what_it_costs_there(tmp_path: Path) -> None:
    """Tokens of batches are counted apart, for calls and for failures, before and after reopening."""
    price = Price(input=1.0, output=2.0, batch_input=0.5, batch_output=0.25)
    with Journal.open_for_run(tmp_path, print) as journal:
        journal.append(ask("a"), Completion("x", "stop", 100, 10), latency=0.0)
        journal.append(ask("b"), Completion("x", "stop", 3000, 400), latency=0.0, is_batch=True)
        journal.append_failure(ask("c"), "empty", Completion("", "stop", 50_000, 6000), intent="b1")
        before = journal.freeze_totals({"evolver": price, "judge": price})
    with Journal.open_for_reading(tmp_path) as journal:
        assert journal.freeze_totals({"evolver": price, "judge": price}) == before
    frozen = before["evolver"]
    assert (frozen.batch_input_tokens, frozen.batch_output_tokens) == (53_000, 6400)
    assert frozen.cost == pytest.approx((100 + 53_000 * 0.5 + 10 * 2 + 6400 * 0.25) / 1e6)
    assert before["judge"].cost == 0


def test_a_role_beside_the_run_is_counted_when_it_was_asked(tmp_path: Path) -> None:
    """A scorer's calls are in the totals, with their price."""
    with Journal.open_for_run(tmp_path, print) as journal:
        journal.append(ask("a", "scorer"), Completion("7", "stop", 2_000_000, 0), latency=0.0)
        frozen = journal.freeze_totals({"scorer": Price(input=1.5, output=1.0)})
    assert frozen.keys() == {"evolver", "judge", "responder", "scorer"}
    assert frozen["scorer"].cost == 3


def test_the_last_word_on_a_batch_holds(tmp_path: Path) -> None:
    """What became of each batch is known at once and after reopening; open are those whose results may come."""
    path = tmp_path / JOURNAL_NAME
    states: list[tuple[str, BatchState]] = [
        *(("one", "intent"), ("two", "intent"), ("three", "intent")),
        *(("two", "created"), ("three", "created"), ("three", "finished")),
    ]
    with Journal.open_for_run(tmp_path, print) as journal:
        for intent, state in states:
            journal.append_batch(batch(intent, state))
        found = journal.batches
        assert journal.open_batches == [batch("one", "intent"), batch("two", "created")]
    assert found == {"one": batch("one", "intent"), "two": batch("two", "created"), "three": batch("three", "finished")}
    with Journal.open_for_reading(tmp_path) as journal:
        assert journal.batches == found
        assert list(journal.batches) == ["one", "two", "three"]
    assert orjson.loads(path.read_bytes().splitlines()[0]).items() >= {"kind": "batch", "intent": "one"}.items()


@pytest.mark.parametrize(
    ("states", "has"),
    [
        (["intent"], True),
        (["intent", "created"], True),
        (["intent", "created", "finished"], False),
        (["intent", "failed"], False),
        (["intent", "abandoned"], False),
    ],
)
def test_a_batch_that_is_out_counts_as_a_call(tmp_path: Path, states: list[BatchState], has: bool) -> None:
    """Settings cannot change while results may still come; a batch that came to nothing binds no run."""
    with Journal.open_for_run(tmp_path, print, name="other.jsonl") as journal:
        journal.append_batch(batch("another", "failed"))
        for state in states:
            journal.append_batch(batch("one", state))
        journal.append_batch(batch("another", "abandoned"))
    assert has_calls(tmp_path, "other.jsonl") is has
    assert has_calls(tmp_path) is False


def test_a_call_is_found_whatever_stands_around_it(tmp_path: Path) -> None:
    """A damaged batch line ends the search quietly: opening the journal will tell of it; a call before it counts."""
    call = (b'{"kind":"call","key":"00","seed_id":"a","generation":1,"role":"evolver"', b'{"kind":"batch","intent":1')
    write_lines(tmp_path, *call)
    assert has_calls(tmp_path) is True
    write_lines(tmp_path, *call[::-1])
    assert has_calls(tmp_path) is False


def test_progress_is_kept_and_counts_for_nothing(tmp_path: Path) -> None:
    """The last progress is what a reader beside the run sees; calls and failures are counted without it."""
    first = Progress(
        time=1.0, seeds=3, finished=1, generations=[(3, 0), (1, 1)], calls=9, requests=9, input_tokens=5,
        output_tokens=6, cost=None,
    )  # fmt: skip
    last = first.model_copy(update={"finished": 2})
    with Journal.open_for_run(tmp_path, print) as journal:
        for progress in (first, last):
            journal.append_progress(progress)
        journal.append(ask("a"), Completion("one"), latency=0.0)
    assert read_last_progress(tmp_path) == last
    heads: list[dict[str, object]] = []
    with Journal.open_for_reading(tmp_path, heads.append) as journal:
        assert (journal.attempts, journal.calls, len(heads)) == (1, 1, 1)


def test_a_known_key_is_a_whole_key_of_a_call(tmp_path: Path) -> None:
    """Neither a failure nor another key with the same beginning; several records of one key are no obstacle."""
    request = ask("a")
    with Journal.open_for_run(tmp_path, print) as journal:
        journal.append_failure(request, "gave up")
        assert not journal.knows(request.key)
        journal.append(request, Completion("first"), latency=0.0)
        journal.append(request, Completion("second"), latency=0.0)
        assert journal.knows(request.key)
        assert not journal.knows(request.key[:16] + "0" * 48)
        assert not journal.knows(ask("b").key)
        assert journal.find(request) == Completion("first")


HEAD = b'"seed_id":"a","generation":1,"role":"evolver","ask":1,"latency":0,"time":1,"finish_reason":"stop"'
FIGURES = HEAD + b',"input_tokens":1,"output_tokens":2'


@pytest.mark.parametrize(
    "content",
    [
        b'{"kind":"other"',
        b'{"kind":"other",' + HEAD,
        b'{"kind":"call","key":"xyz",' + FIGURES + b',"reply":"x","request":{}',
        b'{"kind":"call","key":7,' + FIGURES + b',"reply":"x","request":{}',
        b'{"kind":"call","key":"-1",' + FIGURES + b',"reply":"x","request":{}',
        b'{"kind":"call","key":"01",' + HEAD + b',"input_tokens":"1","output_tokens":2,"reply":"x","request":{}',
        b'{"kind":"call","key":"01",' + FIGURES.replace(b"evolver", b"baker") + b',"reply":"x","request":{}',
        b'{"kind":"throttle","time":1',
        b'{"kind":"batch","intent":"one","state":"lost"',
        b'[{"a":1}',
        b"",
    ],
)
def test_a_whole_line_that_is_no_record_is_damage(tmp_path: Path, content: bytes) -> None:
    """A right checksum does not make a record: such a line is named like any other damaged one."""
    good = b'{"kind":"call","key":"01",' + FIGURES + b',"reply":"x","request":{}'
    path = write_lines(tmp_path, good, content, good)
    said = f"{path}:2: a damaged line: restore the file from a copy, or remove that line and pay its call again"
    with pytest.raises(FolderError) as raised, Journal.open_for_reading(tmp_path):
        pass
    assert str(raised.value) == said
    write_lines(tmp_path, good, good)
    with Journal.open_for_reading(tmp_path) as journal:
        assert journal.calls == 2


def test_a_damaged_line_before_a_torn_one_is_named(tmp_path: Path) -> None:
    """Only the last line may be torn: the whole line before it that is damaged is not cut with it."""
    path = write_lines(tmp_path, b'{"kind":"other"')
    path.write_bytes(path.read_bytes() + b'{"kind":"call"')
    before = path.read_bytes()
    with pytest.raises(FolderError, match=r"journal\.jsonl:1: a damaged line"), Journal.open_for_run(tmp_path, print):
        pass
    assert path.read_bytes() == before


def test_a_reader_wants_a_journal(tmp_path: Path) -> None:
    """Where none is, the folder and what may be wrong with it is told; the name of the file can be another."""
    said = f"{tmp_path / JOURNAL_NAME}: No such file or directory: is this the folder of a run?"
    with Journal.open_for_run(tmp_path, print, name="other.jsonl") as journal:
        assert journal.path == tmp_path / "other.jsonl"
    with pytest.raises(FolderError) as raised, Journal.open_for_reading(tmp_path):
        pass
    assert str(raised.value) == said
    with Journal.open_for_reading(tmp_path, name="other.jsonl") as journal:
        assert journal.path == tmp_path / "other.jsonl"


def test_one_seed_alone_needs_no_others(tmp_path: Path) -> None:
    """Damage in another seed's record does not keep a reader from this one's; damage in this one's does."""
    with Journal.open_for_run(tmp_path, print) as journal:
        for name in "abc":
            journal.append(ask(name), Completion("reply"), latency=0.0)
    path = tmp_path / JOURNAL_NAME
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0].replace(b"reply", b"reqly", 1), *lines[1:]]))
    with Journal.open_for_reading(tmp_path, only="c") as journal:
        assert journal.find(ask("c")) == Completion("reply")
    with pytest.raises(FolderError, match=r":1: a damaged line"), Journal.open_for_reading(tmp_path, only="a"):
        pass
