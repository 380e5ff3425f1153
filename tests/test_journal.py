from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evol.errors import FolderError
from evol.journal import JOURNAL_NAME, Journal, has_calls
from evol.records import Completion, CompletionRequest


def request(number: int, ask: int = 1, body: bytes = b'{"model":"m"}') -> CompletionRequest:
    """A request of one of many lineages."""
    return CompletionRequest(f"seed {number}", 1, "evolver", ask, body)


def fill(folder: Path, count: int) -> bytes:
    """Write a journal of some calls; its bytes."""
    with Journal.open_for_run(folder, lambda text: None) as journal:
        for number in range(count):
            reply = Completion(f'reply {number} ,"request": "\u2028\n\x00 é', "stop", number, 2)
            journal.append(request(number), reply, latency=0.5)
    return (folder / JOURNAL_NAME).read_bytes()


def test_replies_survive_reopening(tmp_path: Path) -> None:
    """What was appended is found again, text for text, after the file was closed and opened."""
    fill(tmp_path, 3000)  # more than one block and more than one size of the table
    assert has_calls(tmp_path)
    with Journal.open_for_reading(tmp_path) as journal:
        assert journal.calls == 3000
        for number in (0, 1, 1500, 2999):
            found = journal.find(request(number))
            assert found == Completion(f'reply {number} ,"request": "\u2028\n\x00 é', "stop", number, 2)
        assert journal.find(request(3000)) is None


def test_key_depends_on_each_of_its_parts() -> None:
    """Seed id, generation, role, ask number and body each change the key; the position does not."""
    base = CompletionRequest("a", 1, "judge", 1, b"{}")
    others = [
        CompletionRequest("a:1", 1, "judge", 1, b"{}"),
        CompletionRequest("a", 2, "judge", 1, b"{}"),
        CompletionRequest("a", 1, "evolver", 1, b"{}"),
        CompletionRequest("a", 1, "judge", 2, b"{}"),
        CompletionRequest("a", 1, "judge", 1, b"{ }"),
    ]
    assert len({base.key, *(other.key for other in others)}) == 6
    assert CompletionRequest("a", 1, "judge", 1, b"{}", position=9).key == base.key


def test_failures_count_attempts_but_are_no_hits(tmp_path: Path) -> None:
    """A call that was given up counts against the budget and is asked again."""
    with Journal.open_for_run(tmp_path, lambda text: None) as journal:
        journal.append_failure(request(1), "gave up")
    assert not has_calls(tmp_path)
    with Journal.open_for_reading(tmp_path) as journal:
        assert (journal.calls, journal.attempts, journal.find(request(1))) == (0, 1, None)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_cut_at_any_byte_is_repaired(tmp_path: Path, data: st.DataObject) -> None:
    """A journal cut at an arbitrary byte keeps every whole record, loses the torn one with a notice, and goes on."""
    whole = fill_once(tmp_path)
    cut = data.draw(st.integers(0, len(whole)))
    folder = tmp_path / "cut"
    folder.mkdir(exist_ok=True)
    path = folder / JOURNAL_NAME
    path.write_bytes(whole[:cut])
    notices: list[str] = []
    with Journal.open_for_run(folder, notices.append) as journal:
        kept = journal.calls
        journal.append(request(99), Completion("new"), latency=0.0)
    lines = whole[:cut].split(b"\n")
    is_only_the_line_feed_missing = cut < len(whole) and whole[cut : cut + 1] == b"\n"
    assert kept == len(lines) - 1 + is_only_the_line_feed_missing
    assert bool(notices) == bool(lines[-1] and not is_only_the_line_feed_missing)
    with Journal.open_for_reading(folder) as journal:
        assert journal.calls == kept + 1
        assert journal.find(request(99)) == Completion("new")


def fill_once(folder: Path) -> bytes:
    """The bytes of one journal of six calls, written at the first use."""
    path = folder / JOURNAL_NAME
    return path.read_bytes() if path.exists() else fill(folder, 6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_byte_before_the_last_line_is_named(tmp_path: Path, data: st.DataObject) -> None:
    """Any changed byte of a line that is not the last one is found by its checksum and the line is named."""
    whole = fill_once(tmp_path)
    last = whole.rstrip(b"\n").rindex(b"\n")
    position = data.draw(st.integers(0, last - 1).filter(lambda place: whole[place : place + 1] != b"\n"))
    flipped = bytearray(whole)
    flipped[position] ^= 1 << data.draw(st.integers(0, 7))
    if flipped[position] == ord("\n"):
        flipped[position] = ord("#")
    folder = tmp_path / "flip"
    folder.mkdir(exist_ok=True)
    (folder / JOURNAL_NAME).write_bytes(bytes(flipped))
    line = whole[:position].count(b"\n") + 1
    with pytest.raises(FolderError, match=f":{line}: a damaged line"), Journal.open_for_run(folder, print):
        pass
    assert (folder / JOURNAL_NAME).read_bytes() == bytes(flipped)


def test_reading_passes_over_a_line_that_is_being_written(tmp_path: Path) -> None:
    """A reader beside a running writer sees the whole records and touches nothing."""
    whole = fill(tmp_path, 4)
    path = tmp_path / JOURNAL_NAME
    path.write_bytes(whole[:-9])
    with Journal.open_for_reading(tmp_path) as journal:
        assert journal.calls == 3
    assert path.read_bytes() == whole[:-9]


def test_symlinked_journal_is_not_followed(tmp_path: Path) -> None:
    """A journal that is a symbolic link is refused, its target stays as it is."""
    target = tmp_path / "elsewhere"
    target.write_bytes(b"precious")
    (tmp_path / JOURNAL_NAME).symlink_to(target)
    with pytest.raises(Exception, match="cannot write"), Journal.open_for_run(tmp_path, print):
        pass
    assert target.read_bytes() == b"precious"
