"""What goes into a mix: generations, shares, skills, operations, samples and holdouts; properties of the shuffle."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evol.errors import CallRejected, FolderError, UsageError
from evol.files import digest_file
from evol.folder import SEEDS_NAME, require_manifest, write_manifest
from evol.mixing.choosing import choose_shares, hold_out, share_out
from evol.pipeline import RunResult
from evol.records import Completion, CompletionRequest
from scripted_runs import make_run, make_seeds, merge, read_all_rows, read_rows, reply_well


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 12 seeds and 2 generations, six of the seeds with skill math, three in French."""
    folder = tmp_path_factory.mktemp("choice") / "r"
    seeds = [
        seed | {"skill": "math" if number % 2 else "art", "language": "fr" if number < 3 else "en"}
        for number, seed in enumerate(make_seeds(12))
    ]
    assert make_run(folder, seeds).exit_code == 0
    return folder


def read_lineage(out: Path, part: str = "") -> list[dict[str, Any]]:
    """The lineage beside a mix."""
    return read_rows(out.with_name(f"{out.stem}{part}.lineage.jsonl"))


@pytest.mark.parametrize(
    ("more", "generations"),
    [
        ({}, {0: 12, 1: 12, 2: 12}),
        ({"no_seeds": True}, {1: 12, 2: 12}),
        ({"generations": "1-2"}, {1: 12, 2: 12}),
        ({"generations": "0,2"}, {0: 12, 2: 12}),
        ({"generations": "2"}, {2: 12}),
        ({"generations": "0-1", "no_seeds": True}, {1: 12}),
        ({"per_generation": "0:1,1:2"}, {0: 6, 1: 12}),
        ({"per_generation": "2:0.5,1:0.25"}, {1: 6, 2: 12}),
        ({"per_generation": "equal", "size": 10}, {0: 4, 1: 3, 2: 3}),
        ({"per_generation": "0:1,1:1,2:2", "size": 20}, {0: 5, 1: 5, 2: 10}),
        ({"per_generation": "0:1,2:3", "size": 100}, {0: 4, 2: 12}),
        ({"only": ("skill=math",)}, {0: 6, 1: 6, 2: 6}),
        ({"only": ("skill=math", "language=fr")}, {0: 1, 1: 1, 2: 1}),
        ({"only": ("skill=math", "skill=art"), "size": 36}, {0: 12, 1: 12, 2: 12}),
        ({"only": ("operation=seed",)}, {0: 12}),
    ],
    ids=str,
)
def test_generations_and_skills_are_chosen(
    tmp_path: Path, run_folder: Path, more: dict[str, Any], generations: dict[int, int]
) -> None:
    """Each option leaves exactly the rows it names, with the shares asked for; the lineage tells of each row."""
    report = merge([run_folder], tmp_path / "mix.jsonl", **more)
    assert dict(report.generations) == generations
    assert Counter(row["generation"] for row in read_lineage(report.out)) == generations
    assert report.rows == len(read_rows(report.out)) == sum(generations.values())
    whole = 36 - report.not_asked
    assert report.available == whole


def test_operations_are_chosen(tmp_path: Path, run_folder: Path) -> None:
    """`--only operation=…` takes exactly the rows of these operations."""
    rows = [row for row in read_all_rows(run_folder) if row["operation"] in ("deepen", "breadth")]
    assert rows
    report = merge([run_folder], tmp_path / "mix.jsonl", "alpaca", only=("operation=deepen", "operation=breadth"))
    assert sorted(row["instruction"] for row in read_rows(report.out)) == sorted(row["instruction"] for row in rows)


def test_the_lineage_tells_of_each_row(tmp_path: Path, run_folder: Path) -> None:
    """Line n of the lineage is row n of the mix, and its id leads to the row in the generation files."""
    report = merge([run_folder], tmp_path / "mix.jsonl", "alpaca", 20)
    rows = {row["id"]: row for row in read_all_rows(run_folder)}
    lineage = read_lineage(report.out)
    assert len(lineage) == 20
    for mixed, told in zip(read_rows(report.out), lineage, strict=True):
        row = rows[told["id"]]
        assert (mixed["instruction"], mixed["output"]) == (row["instruction"], row["response"])
        kept = ("seed_id", "generation", "parent_id", "operation", "evolver_model", "response_model", "input_tokens")
        assert {key: told[key] for key in kept} == {key: row[key] for key in kept}
        assert told["run"] == "r"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"generations": "1-3"}, "--generations 1-3: no generation 3: the runs have 0 to 2"),
        ({"per_generation": "0:1,7:1"}, "--per-generation 0:1,7:1: no generation 7: the runs have 0 to 2"),
        (
            {"per_generation": "0:1,2:1", "generations": "0-1"},
            "--per-generation 0:1,2:1: nothing is left of generation 2: leave it out of the shares, ",
        ),
        ({"only": ("skill=maths",)}, "--only skill=maths: no row has it: known are art, math"),
        ({"only": ("language=de",)}, "--only language=de: no row has it: known are en, fr"),
        ({"only": ("operation=deepn",)}, "--only operation=deepn: no row has it: known are seed, "),
        ({"only": ("skill=math", "skill=mth")}, "--only skill=mth: no row has it: known are art, math"),
        (
            {"only": ("operation=seed",), "no_seeds": True},
            "nothing is left: no row is what --only, --generations and --no-seeds ask for: ask for less",
        ),
        ({"holdout": 36}, "--holdout 36: only 36 rows are there, nothing would be left to train on: ask for fewer"),
        ({"holdout": 99}, "--holdout 99: only 36 rows are there, nothing would be left to train on: ask for fewer"),
        ({"holdout": 2}, "--holdout 2: the smallest lineage has 3 rows, and a lineage is never split: ask for more"),
    ],
    ids=str,
)
def test_what_cannot_be_chosen_is_refused(
    tmp_path: Path, run_folder: Path, more: dict[str, Any], sentence: str
) -> None:
    """A typo or an impossible number is one sentence that says what there is; nothing is written."""
    with pytest.raises(UsageError) as caught:
        merge([run_folder], tmp_path / "mix.jsonl", **more)
    assert str(caught.value).startswith(sentence)
    assert sentence.endswith(", ") or str(caught.value) == sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "notices"),
    [
        ({"size": 36}, []),
        ({"size": 37}, ["--size 37: only 36 rows are there, all of them are taken"]),
        (
            {"size": 100, "per_generation": "0:1,2:3"},
            ["--size 100: only 16 rows are in the proportion asked for"],
        ),
        ({"holdout": 3}, []),
        ({"holdout": 4}, ["--holdout 4: 3 rows were held out, for a lineage is never split"]),
        (
            {"holdout": 3, "dedupe": "off"},
            ["--holdout with --dedupe off: an instruction may stand in the mix and in the holdout"],
        ),
    ],
    ids=str,
)
def test_what_could_not_be_had_is_told(
    tmp_path: Path, run_folder: Path, more: dict[str, Any], notices: list[str]
) -> None:
    """A smaller mix or holdout than was asked for is said, with its size and why; what was had is not."""
    assert merge([run_folder], tmp_path / "mix.jsonl", **more).notices == notices


def test_the_random_seed_draws_the_holdout(tmp_path: Path, run_folder: Path) -> None:
    """Another one holds other lineages out."""
    held = []
    for random_seed in range(3):
        report = merge([run_folder], tmp_path / "mix.jsonl", random_seed=random_seed, holdout=6)
        held.append({row["seed_id"] for row in read_lineage(report.out, ".holdout")})
    assert all(len(lineages) == 2 for lineages in held)
    assert not held[0] == held[1] == held[2]


def make_unfinished(folder: Path) -> RunResult:
    """A run in which one of three lineages stops after its seed."""

    def reply(request: CompletionRequest) -> str | Completion:
        if request.seed_id == "s1" and request.role == "evolver":
            raise CallRejected("HTTP 400: no", 400)
        return reply_well(request)

    return make_run(folder, make_seeds(3), reply)


def test_an_unfinished_run_is_refused_unless_allowed(tmp_path: Path) -> None:
    """A mix of half a run is no accident: the user asks for it and is told what is missing."""
    assert make_unfinished(tmp_path / "r").exit_code == 3
    with pytest.raises(UsageError) as caught:
        merge([tmp_path / "r"], None)
    assert caught.value.message == f"{tmp_path / 'r'}: 1 of 3 lineages are unfinished"
    assert caught.value.hint == "run the same `evol run` again, or take what is there with --allow-unfinished"
    assert not (tmp_path / "r" / "mix.jsonl").exists()
    report = merge([tmp_path / "r"], None, allow_unfinished=True)
    assert (report.rows, dict(report.generations)) == (7, {0: 3, 1: 2, 2: 2})
    assert report.notices == [f"{tmp_path / 'r'}: 1 of 3 lineages are unfinished"]


def test_seeds_without_a_skill_say_so(tmp_path: Path) -> None:
    """A run whose seeds name no skill cannot be asked for one."""
    make_run(tmp_path / "r", make_seeds(2))
    with pytest.raises(UsageError, match="no seed of these runs names one"):
        merge([tmp_path / "r"], only=("skill=math",))


def test_a_folder_of_an_older_evol_learns_its_skills(tmp_path: Path) -> None:
    """Stored seeds without skills are taken over anew by the same run, without a call; then merge knows them."""
    seeds = [seed | {"skill": "art"} for seed in make_seeds(2)]
    make_run(tmp_path / "r", seeds)
    path = tmp_path / "r" / SEEDS_NAME
    path.write_bytes(path.read_bytes().replace(b',"skill":"art"', b""))
    manifest = require_manifest(tmp_path / "r")
    old = manifest.seeds.model_copy(update={"sha256": digest_file(path)})
    write_manifest(tmp_path / "r", manifest.model_copy(update={"seeds": old}))
    with pytest.raises(UsageError, match="the same `evol run` again takes it over"):
        merge([tmp_path / "r"], only=("skill=art",))

    def refuse(request: CompletionRequest) -> str:
        raise AssertionError("no call may be made")

    assert make_run(tmp_path / "r", seeds, refuse).exit_code == 0
    assert merge([tmp_path / "r"], only=("skill=art",)).rows == 6


def test_changed_seeds_are_no_basis(tmp_path: Path) -> None:
    """The stored seeds must be those of the run when a skill is asked for."""
    make_run(tmp_path / "r", [seed | {"skill": "art"} for seed in make_seeds(2)])
    path = tmp_path / "r" / SEEDS_NAME
    path.write_bytes(path.read_bytes().replace(b"art", b"tra"))
    with pytest.raises(FolderError, match=r"\.seeds\.jsonl"):
        merge([tmp_path / "r"], only=("skill=tra",))


def test_a_holdout_never_splits_a_lineage(tmp_path: Path, run_folder: Path) -> None:
    """Train and holdout share no seed, hold every row once, and the holdout does not depend on the sample."""
    report = merge([run_folder], tmp_path / "mix.jsonl", holdout=10)
    train, held = read_lineage(report.out), read_lineage(report.out, ".holdout")
    assert (report.rows, report.holdout, len(train), len(held)) == (27, 9, 27, 9)
    assert not {row["seed_id"] for row in train} & {row["seed_id"] for row in held}
    assert len({row["id"] for row in [*train, *held]}) == 36
    assert any("9 rows were held out" in notice for notice in report.notices)
    small = merge([run_folder], tmp_path / "small.jsonl", size=5, holdout=10)
    assert (small.rows, small.holdout) == (5, 9)
    assert (tmp_path / "small.holdout.jsonl").read_bytes() == (tmp_path / "mix.holdout.jsonl").read_bytes()


def test_a_holdout_holds_lineages_of_two_runs_together(tmp_path: Path) -> None:
    """Two models on the same seeds: their evolutions of one seed stand on one side."""
    for name in ("x", "y"):
        make_run(tmp_path / name, make_seeds(6), models={"default": {"model": name}})
    report = merge([tmp_path / "x", tmp_path / "y"], tmp_path / "mix.jsonl", holdout=12, dedupe="off")
    train, held = read_lineage(report.out), read_lineage(report.out, ".holdout")
    assert (len(train), len(held)) == (24, 12)
    assert not {row["seed_id"] for row in train} & {row["seed_id"] for row in held}
    assert any("--dedupe off" in notice for notice in report.notices)


def test_ids_are_unique_over_runs(tmp_path: Path) -> None:
    """Where two runs have a row of one id, the ids in mix and lineage name the run; others stay as they are."""
    for name in ("x", "y"):
        make_run(tmp_path / name, make_seeds(2), models={"default": {"model": name}}, generations=1)
    make_run(tmp_path / "z", make_seeds(2, "t"), generations=1)
    report = merge([tmp_path / name for name in "xyz"], tmp_path / "mix.jsonl", dedupe="off")
    ids = sorted(row["id"] for row in read_lineage(report.out))
    assert ids == [
        "s0.0@x", "s0.0@y", "s0.1@x", "s0.1@y", "s1.0@x", "s1.0@y", "s1.1@x", "s1.1@y", "t0.0", "t0.1", "t1.0", "t1.1",
    ]  # fmt: skip


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """`a/output` and `b/output` are named in full."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_run(tmp_path / name / "output", make_seeds(1, name), generations=0)
    report = merge([tmp_path / name / "output" for name in "ab"], tmp_path / "mix.jsonl")
    assert {row["run"] for row in read_lineage(report.out)} == {str(tmp_path / name / "output") for name in "ab"}


def test_one_id_for_two_seeds_is_refused(tmp_path: Path) -> None:
    """Lineages of different seeds would be taken for one; the sentence names both places and what to do."""
    make_run(tmp_path / "x", [{"id": n, "instruction": f"Do {n}."} for n in range(3)], generations=0)
    make_run(tmp_path / "y", [{"id": n, "instruction": f"Do {n % 2}."} for n in range(3)], generations=0)
    with pytest.raises(UsageError) as caught:
        merge([tmp_path / "x", tmp_path / "y"], tmp_path / "mix.jsonl")
    assert "the seed id '2' stands for two different seeds" in str(caught.value)
    assert f"{tmp_path / 'x'}/generation-0.jsonl:3" in str(caught.value)
    assert f"{tmp_path / 'y'}/generation-0.jsonl:3" in str(caught.value)
    assert caught.value.exit_code == 2


def test_shards_merge_as_the_whole(tmp_path: Path) -> None:
    """One run over all seeds and four runs over a quarter each give the same mix, lineage and leavings."""
    seeds = make_seeds(20)
    seeds[7]["instruction"] = seeds[3]["instruction"]
    make_run(tmp_path / "whole", seeds)
    shards = [tmp_path / f"shard{number}" for number in range(4)]
    for number, shard in enumerate(shards):
        make_run(shard, seeds[number::4])
    whole = merge([tmp_path / "whole"], tmp_path / "a.jsonl", size=40, holdout=6)
    parts = merge(shards, tmp_path / "b.jsonl", size=40, holdout=6)
    assert (whole.rows, whole.left_out) == (parts.rows, parts.left_out) == (40, {"exact_duplicate": 1})
    for part in ("", ".holdout"):
        assert (tmp_path / f"a{part}.jsonl").read_bytes() == (tmp_path / f"b{part}.jsonl").read_bytes()
    for part in ("lineage", "holdout.lineage", "removed"):
        told = [
            [
                {key: row[key] for key in row if not key.endswith("run")}
                for row in read_rows(tmp_path / f"{name}.{part}.jsonl")
            ]
            for name in "ab"
        ]
        assert told[0] == told[1]


@pytest.mark.parametrize("format_name", ["trl", "parquet", "axolotl"])
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, run_folder: Path, format_name: str) -> None:
    """Every file of the set but the marker, which names its place, is the same byte for byte."""
    for name in ("a", "b"):
        merge([run_folder], tmp_path / name, format_name, holdout=6, dedupe="near", keep="earliest")
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "ab"]
    assert files[0].keys() == files[1].keys()
    for name in files[0].keys() - {"mix.meta.json", "README.md"}:
        assert files[0][name] == files[1][name]
    assert files[0]["README.md"].replace(b"a", b"b") == files[1]["README.md"].replace(b"a", b"b")


ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=60)
"""Rows as (generation, lineage)."""


@settings(database=None, deadline=None)
@given(rows=ROWS, wanted=st.integers(1, 70), random_seed=st.integers(0, 9))
def test_a_holdout_is_disjoint_by_lineage(rows: list[tuple[int, int]], wanted: int, random_seed: int) -> None:
    """Whatever the rows: nothing is lost or doubled, no lineage is on both sides, never more than asked for."""
    lineage = [row[1] for row in rows]
    order = list(range(len(rows)))[::-1]
    try:
        rest, held = hold_out(order, lineage, wanted, random_seed)
    except UsageError:
        assert wanted >= len(rows) or wanted < min(Counter(lineage).values())
        return
    assert sorted([*rest, *held]) == sorted(order)
    assert not {lineage[index] for index in rest} & {lineage[index] for index in held}
    assert 0 < len(held) <= wanted
    assert rest
    for part in (rest, held):
        assert part == sorted(part, reverse=True)


@settings(database=None, deadline=None)
@given(
    rows=ROWS,
    weights=st.dictionaries(st.integers(0, 4), st.fractions(0, 5, max_denominator=9), min_size=1) | st.just("equal"),
    size=st.none() | st.integers(1, 80),
)
def test_shares_are_kept(rows: list[tuple[int, int]], weights: dict[int, Fraction] | str, size: int | None) -> None:
    """Whatever the rows and shares: the proportion holds within one row, the size is a bound, no row comes twice."""
    generation = [row[0] for row in rows]
    chosen = choose_shares(range(len(rows)), generation, weights, size)
    assert chosen == sorted(set(chosen))
    assert size is None or len(chosen) <= size
    there, got = Counter(generation), Counter(generation[index] for index in chosen)
    shares = {number: Fraction(1) for number in there} if isinstance(weights, str) else weights
    shares = {number: share for number, share in shares.items() if share}
    for number, share in shares.items():
        assert abs(got[number] - len(chosen) * share / sum(shares.values())) < 1
        assert got[number] <= there[number]
    assert set(got) <= set(shares)
    more = len(chosen) + 1
    if shares and (size is None or more <= size):  # one row more would break the proportion
        assert any(there[number] * sum(shares.values()) < more * share for number, share in shares.items())


def test_shares_are_rounded_alike() -> None:
    """The largest remainder is rounded up, the lower generation where remainders are equal."""
    third = {number: Fraction(1) for number in range(3)}
    assert share_out(third, {0: 9, 1: 9, 2: 9}, 10) == {0: 4, 1: 3, 2: 3}
    assert share_out({0: Fraction(1), 1: Fraction(2)}, {0: 9, 1: 9}, 8) == {0: 3, 1: 5}
    assert share_out({0: Fraction(1), 1: Fraction(2)}, {0: 9, 1: 9}, 10) == {0: 3, 1: 7}
    assert share_out({0: Fraction(2), 1: Fraction(1)}, {0: 9, 1: 9}, 8) == {0: 5, 1: 3}
    assert share_out({0: Fraction(1), 1: Fraction(1)}, {0: 9}, None) == {0: 0, 1: 0}


def test_a_holdout_is_drawn_by_the_random_seed_and_the_lineages_alone() -> None:
    """Another seed holds out others; neither the order of the rows nor a later version of evol changes it."""
    lineage = [number // 3 for number in range(60)]

    def draw(order: list[int], random_seed: int) -> set[int]:
        return {lineage[index] for index in hold_out(order, lineage, 9, random_seed)[1]}

    rows = list(range(60))
    assert draw(rows, 0) == draw(rows[::-1], 0) == {5, 10, 13}
    assert draw(rows, 1) == {6, 12, 18}
