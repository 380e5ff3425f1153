from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evol.errors import FolderError, SeedError
from evol.journal import Journal
from evol.records import ROLES, Completion, CompletionRequest, Price, Role, ThrottleChange
from evol.report_data import escape_json
from evol.report_figures import smooth
from evol.rows import read_lineages
from evol.sample import HashSample
from evol.seeds import SeedTally, read_seeds, read_skills
from evol.speed import find_percentile, find_quantile
from evol.timeline import MOST_BINS, SHORTEST_PAUSE, read_timeline
from report_runs import make_run

SIZES = st.dictionaries(st.text(max_size=4), st.integers(1, 50), min_size=1, max_size=40)


def take(sizes: dict[str, int], limit: int) -> list[str]:
    """The names that a sample keeps when offered in this order."""
    sample = HashSample(limit, "test")
    for position, (name, size) in enumerate(sizes.items()):
        if sample.wants(name):
            sample.add(name, position, name.encode("utf-8", "replace").ljust(size, b".")[:size])
    assert sample.seen == len(sizes)
    kept = [position for _, position, _, _ in sample._heap]
    assert sum(map(len, sample.contents())) <= limit
    return [name for position, name in enumerate(sizes) if position in kept]


@given(SIZES, st.integers(0, 400), st.randoms())
def test_a_sample_does_not_depend_on_order(sizes: dict[str, int], limit: int, random: object) -> None:
    """The same things offered in another order give the same sample, within its limit."""
    names = list(sizes)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert set(take(sizes, limit)) == set(take({name: sizes[name] for name in names}, limit))


@given(SIZES, st.integers(0, 400), st.integers(0, 400))
def test_a_smaller_sample_is_a_part_of_a_larger_one(sizes: dict[str, int], one: int, other: int) -> None:
    """What is kept is the beginning of one fixed order, so small things are not favoured."""
    assert set(take(sizes, min(one, other))) <= set(take(sizes, max(one, other)))


def test_a_sample_takes_everything_that_fits() -> None:
    """In the order given; one byte less and something is left out."""
    sizes = {f"n{number}": 10 for number in range(30)}
    assert take(sizes, 300) == list(sizes)
    assert len(take(sizes, 299)) == 29


def test_a_sample_counts_what_is_kept_elsewhere() -> None:
    """Bytes beside a thing use up the limit as its own do."""
    sample = HashSample(100, "test")
    for position in range(10):
        assert sample.wants(f"n{position}") or position > 4
        sample.add(f"n{position}", position, b"12345", 20)
    assert len(sample.contents()) == 4


def test_samples_favour_nobody() -> None:
    """Over many things of one size, halves of the order are taken alike."""
    kept = take({f"n{number}": 1 for number in range(20_000)}, 2_000)
    early = sum(int(name[1:]) < 10_000 for name in kept)
    assert len(kept) == 2_000
    assert 900 < early < 1_100


@given(st.dictionaries(st.text(), st.text()))
def test_escaped_json_says_the_same_and_ends_no_element(value: dict[str, str]) -> None:
    """No `<` and no line separator is left, whatever the texts hold."""
    escaped = escape_json(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    assert b"<" not in escaped
    assert json.loads(escaped.decode("utf-8", "surrogatepass")) == value


def write_calls(
    folder: Path, moments: list[float], monkeypatch: pytest.MonkeyPatch, roles: tuple[Role, ...] = ROLES
) -> None:
    """A journal with a call at each moment, every tenth request a failure."""
    with Journal.open_for_run(folder, lambda text: None) as journal:
        for number, moment in enumerate(moments):
            monkeypatch.setattr("evol.journal.time.time", lambda moment=moment: moment)
            request = CompletionRequest(f"s{number}", 1, roles[number % len(roles)], 1, b'{"messages":[]}')
            if number % 10 == 9:
                journal.append_failure(request, 'a ,"reply": in "its" error')
            else:
                tokens = (-1, -1) if number % 7 == 0 else (10, 20)
                journal.append(request, Completion('x ,"request":' * 4, "stop", *tokens), latency=0.5 + number % 5)


def test_a_timeline_counts_every_request_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bins add up to the journal's own totals: calls, failures, tokens with estimates, and money."""
    write_calls(tmp_path, [1000 + 0.37 * number for number in range(500)], monkeypatch)
    prices = {str(role): Price(input=3.0, output=5.0) for role in ROLES}
    line = read_timeline(tmp_path, prices, [])
    assert line is not None
    with Journal.open_for_reading(tmp_path) as journal:
        counts = journal.freeze_totals(prices)
    assert sum(one.calls for one in line.bins) == sum(count.calls for count in counts.values()) == 450
    assert sum(one.failures for one in line.bins) == sum(count.failures for count in counts.values()) == 50
    assert line.bins[-1].tokens == {
        role: count.input_tokens + count.output_tokens + count.estimated_input_tokens + count.estimated_output_tokens
        for role, count in counts.items()
    }
    assert line.bins[-1].cost == pytest.approx(sum(count.cost or 0 for count in counts.values()))
    assert len(line.bins) == 50
    assert line.seconds == pytest.approx(0.37 * 499)
    assert line.width * len(line.bins) == pytest.approx(line.seconds)
    assert all(one.latencies and 0.5 <= one.latencies[0] <= one.latencies[1] <= 4.5 for one in line.bins)
    costs = [one.cost or 0 for one in line.bins]
    assert costs == sorted(costs)


def test_pauses_are_cut_out_of_a_timeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run resumed after a week reads as one; what changed meanwhile stands where work began again."""
    week = 7 * 86400.0
    first, second = [10.0 * number for number in range(30)], [week + 10.0 * number for number in range(30)]
    write_calls(tmp_path, first + second, monkeypatch)
    changes = [
        ThrottleChange(time=moment, label="e", limit=limit, pace=None, in_flight=1, reason="x")
        for moment, limit in ((0.0, 4), (week / 2, 8), (week + 100.0, 16))
    ]
    line = read_timeline(tmp_path, {}, changes)
    assert line is not None
    assert line.pauses == 1
    assert line.seconds == pytest.approx(580.0)
    assert (line.begun, line.ended) == (0.0, week + 290.0)
    assert [(round(moment), limit) for moment, _, limit in line.slots] == [(0, 4), (290, 8), (390, 16)]
    assert line.bins[-1].cost is None
    assert max(first[-1] - first[-2], 300.0) <= SHORTEST_PAUSE


def test_a_timeline_is_bounded_and_thinned_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many calls and changes there were; without calls there is none."""
    assert read_timeline(tmp_path, {}, []) is None
    write_calls(tmp_path, [number / 100 for number in range(3000)], monkeypatch)
    changes = [
        ThrottleChange(time=number / 100, label="e", limit=number, pace=None, in_flight=1, reason="x")
        for number in range(3000)
    ]
    line = read_timeline(tmp_path, {}, changes)
    assert line is not None
    assert len(line.bins) == MOST_BINS
    assert MOST_BINS <= len(line.slots) <= MOST_BINS + 1
    assert line.slots[-1][2] == 2999


def test_a_timeline_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that all ended at once fill one bin without a width; a torn last line is passed over."""
    write_calls(tmp_path, [5.0] * 30, monkeypatch)
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"kind":"call","key":"')
    line = read_timeline(tmp_path, {}, [])
    assert line is not None
    assert (line.width, [one.calls for one in line.bins]) == (0.0, [27])


@given(st.dictionaries(st.integers(0, 3000), st.integers(1, 50), min_size=1))
def test_quantiles_of_counts_are_those_of_the_values(counts: dict[int, int]) -> None:
    """Nearest rank, as over the values written out; a smoothed curve has its highest value 1."""
    values = sorted(Counter(counts).elements())
    for percent in (0, 50, 90, 99, 100):
        assert find_quantile(counts, percent) == find_percentile(values, percent)
    grid = [step / 10 for step in range(-10, 90)]
    assert max(smooth(counts, grid)) == pytest.approx(1)


def test_skills_are_read_beside_the_seeds(tmp_path: Path) -> None:
    """By the very id that the run gives a seed; seeds without one are passed over, another file's faults are named."""
    path = tmp_path / "seeds.jsonl"
    rows = [
        {"instruction": "Name a river.", "skill": "geography"},
        {"id": 7, "instruction": "Sing.", "skill": ["no", "string"]},
        {"id": "x", "messages": [{"role": "user", "content": "Count."}], "skill": "maths"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ids = [seed.id for seed in read_seeds(path, None, SeedTally())]
    assert list(read_skills(path)) == [(ids[0], "geography"), ("x", "maths")]
    with pytest.raises(SeedError, match="no such file"):
        list(read_skills(tmp_path / "gone.jsonl"))


def test_files_out_of_seed_order_are_refused(tmp_path: Path) -> None:
    """A row that belongs to no lineage is an error, never silently left out."""
    run = make_run(tmp_path, [{"instruction": f"Name {n} rivers."} for n in range(6)], generations=1)
    path = run / "generation-1.jsonl"
    path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(FolderError, match=r"generation-1\.jsonl: holds rows of no seed"):
        list(read_lineages(run, 1))
