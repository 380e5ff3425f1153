"""What a journal knows after it is opened again: figures, long lines, one seed alone, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from evol.calltotals import CallTotals
from evol.errors import FolderError
from evol.journal import JOURNAL_NAME, Journal, has_calls
from evol.records import UNKNOWN_TOKENS, Completion, CompletionRequest, Price, Role, ThrottleChange

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
    """A seed's records are found by its name however long it is."""
    name = "n" * 200
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        journal.append(ask(name), Completion("mine"), latency=0.0)
    with Journal.open_for_reading(tmp_path, only=name) as journal:
        assert journal.find(ask(name)) == Completion("mine")
