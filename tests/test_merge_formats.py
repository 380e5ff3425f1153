"""The training mix of real runs: shapes, shuffle, duplicates, what is refused; and the columns of the run's files."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evol.errors import FolderError, FolderInUse, UsageError
from evol.files import lock_folder
from evol.folder import read_manifest, write_manifest
from evol.formats import FORMATS
from evol.records import Completion, CompletionRequest
from evol.seeds import digest_instruction
from scripted_runs import make_run, make_seeds, merge, read_all_rows, read_rows, reply_well

CHI_SQUARE_35_DEGREES = 66.6
"""Exceeded with probability 0.001 by chance."""

COLUMNS = {
    "id": str,
    "seed_id": str,
    "generation": int,
    "parent_id": str,
    "operation": str,
    "instruction": str,
    "response": str,
    "evolver_model": str,
    "response_model": str,
    "finish_reason": str,
    "input_tokens": int,
    "output_tokens": int,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Two finished runs, of 12 and of 5 seeds with nothing in common; tests may only read them."""
    base = tmp_path_factory.mktemp("finished")
    for name, count in (("a", 12), ("b", 5)):
        assert make_run(base / name, make_seeds(count, name)).exit_code == 0
    yield [base / "a", base / "b"]
    for name in ("a", "b"):
        assert not (base / name / "mix.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "row"),
    [
        (
            "trl",
            {
                "prompt": [{"role": "user", "content": "Do s0."}],
                "completion": [{"role": "assistant", "content": "Response to: Do s0."}],
            },
        ),
        (
            "messages",
            {
                "messages": [
                    {"role": "user", "content": "Do s0."},
                    {"role": "assistant", "content": "Response to: Do s0."},
                ]
            },
        ),
        ("alpaca", {"instruction": "Do s0.", "input": "", "output": "Response to: Do s0."}),
        (
            "sharegpt",
            {
                "conversations": [
                    {"from": "human", "value": "Do s0."},
                    {"from": "gpt", "value": "Response to: Do s0."},
                ]
            },
        ),
        ("llamafactory", {"instruction": "Do s0.", "input": "", "output": "Response to: Do s0."}),
        (
            "axolotl",
            {
                "messages": [
                    {"role": "user", "content": "Do s0."},
                    {"role": "assistant", "content": "Response to: Do s0."},
                ]
            },
        ),
        (
            "openai",
            {
                "messages": [
                    {"role": "user", "content": "Do s0."},
                    {"role": "assistant", "content": "Response to: Do s0."},
                ]
            },
        ),
        (
            "wizardlm",
            {
                "prompt": "Do s0.\n\n### Response:",
                "completion": "Response to: Do s0.",
                "text": "USER: Do s0. ASSISTANT: Response to: Do s0.</s>",
            },
        ),
    ],
)
def test_each_format_has_exactly_its_shape(tmp_path: Path, name: str, row: dict[str, Any]) -> None:
    """A trainer finds the columns it reads, in their order, and no other."""
    make_run(tmp_path / "r", make_seeds(1), generations=0)
    merge([tmp_path / "r"], None, name)
    assert (tmp_path / "r" / "mix.jsonl").read_bytes() == orjson.dumps(row) + b"\n"
    assert list(row) == list(FORMATS[name].columns)


def test_the_mix_is_the_union_of_all_generations(tmp_path: Path, finished: list[Path]) -> None:
    """Seeds and all generations, each row once, with counts that add up."""
    report = merge(finished[:1], tmp_path / "mix.jsonl", "alpaca")
    rows = read_all_rows(finished[0])
    mixed = read_rows(tmp_path / "mix.jsonl")
    assert len(rows) == 36
    assert sorted(row["instruction"] for row in mixed) == sorted(row["instruction"] for row in rows)
    assert {row["instruction"]: row["output"] for row in mixed} == {row["instruction"]: row["response"] for row in rows}
    assert (report.rows, report.available, dict(report.generations)) == (36, 36, {0: 12, 1: 12, 2: 12})
    assert not report.left_out


def test_the_mix_is_shuffled(tmp_path: Path, finished: list[Path]) -> None:
    """Generations are mixed, another random seed gives another order, the same one the same bytes."""
    orders = []
    for number, random_seed in enumerate((0, 0, 1)):
        merge(finished[:1], tmp_path / f"{number}.jsonl", "alpaca", random_seed=random_seed)
        orders.append((tmp_path / f"{number}.jsonl").read_bytes())
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert sorted(orders[0].splitlines()) == sorted(orders[2].splitlines())
    in_order = [row["instruction"] for row in read_all_rows(finished[0])]
    assert [row["instruction"] for row in read_rows(tmp_path / "0.jsonl")] != in_order


@settings(deadline=None, max_examples=25, database=None)
@given(size=st.integers(min_value=1, max_value=60), random_seed=st.integers(min_value=0, max_value=5))
def test_a_sample_is_a_prefix_of_the_same_order(
    tmp_path_factory: pytest.TempPathFactory, finished: list[Path], size: int, random_seed: int
) -> None:
    """`--size N` takes the first N of the shuffle, so that a larger sample holds the smaller one."""
    base = tmp_path_factory.mktemp("sample")
    whole = merge(finished, base / "whole.jsonl", "messages", None, random_seed)
    part = merge(finished, base / "part.jsonl", "messages", size, random_seed)
    lines = (base / "whole.jsonl").read_bytes().splitlines(keepends=True)
    assert (base / "part.jsonl").read_bytes() == b"".join(lines[:size])
    assert part.rows == sum(part.generations.values()) == min(size, whole.rows)
    assert part.available == whole.available == 51
    assert bool(part.notices) == (size > 51)


def test_a_sample_is_uniform(tmp_path: Path, finished: list[Path]) -> None:
    """Each of 36 rows is as likely as any other to be among 9 of a sample: chi-square over 200 random seeds."""
    counts: Counter[str] = Counter()
    for random_seed in range(200):
        report = merge(finished[:1], tmp_path / "mix.jsonl", "alpaca", 9, random_seed)
        rows = [row["instruction"] for row in read_rows(report.out)]
        assert len(set(rows)) == 9
        counts.update(rows)
    expected = 200 * 9 / 36
    squares = sum((counts[row["instruction"]] - expected) ** 2 for row in read_all_rows(finished[0])) / expected
    # a sample without replacement varies less than independent draws, by the factor 1 - 9/36
    assert squares / (1 - 9 / 36) < CHI_SQUARE_35_DEGREES


def test_two_runs_merge_alike_in_either_order(tmp_path: Path, finished: list[Path]) -> None:
    """The same rows give the same bytes, whatever folders they came in."""
    merge(finished, tmp_path / "ab.jsonl")
    merge(finished[::-1], tmp_path / "ba.jsonl")
    assert (tmp_path / "ab.jsonl").read_bytes() == (tmp_path / "ba.jsonl").read_bytes()
    assert len(read_rows(tmp_path / "ab.jsonl")) == 51


def test_runs_that_share_seeds_merge_alike_in_either_order(tmp_path: Path) -> None:
    """Two models on the same seeds: which of two repeats stays does not depend on the order of the folders."""
    folders = [tmp_path / "x", tmp_path / "y"]
    for folder in folders:
        name = folder.name

        def reply(request: CompletionRequest, name: str = name) -> str | Completion:
            return f"{name} responds" if request.role == "responder" else reply_well(request)

        make_run(folder, make_seeds(6), reply)
    reports = [merge(order, tmp_path / f"{n}.jsonl") for n, order in enumerate((folders, folders[::-1]))]
    assert [report.left_out["exact_duplicate"] for report in reports] == [18, 18]
    assert (tmp_path / "0.jsonl").read_bytes() == (tmp_path / "1.jsonl").read_bytes()


def test_exact_duplicates_are_dropped_with_a_count(tmp_path: Path) -> None:
    """One instruction stands once in the mix, across seeds and generations, layout aside."""
    seeds = [
        {"id": n, "instruction": text, "response": "R"} for n, text in enumerate(["Do  it.", "Do it.", "Do that."])
    ]

    def reply(request: CompletionRequest) -> str | Completion:
        return "Sing it." if request.role == "evolver" else reply_well(request)

    make_run(tmp_path / "r", seeds, reply, generations=1)
    report = merge([tmp_path / "r"], None, "alpaca")
    assert {row["instruction"].replace("  ", " ") for row in read_rows(report.out)} == {
        "Do it.",
        "Do that.",
        "Sing it.",
    }
    assert (report.rows, report.left_out) == (3, {"exact_duplicate": 3})


def test_faulty_generated_seed_responses_are_left_out_with_a_count(tmp_path: Path) -> None:
    """Seeds are never eliminated from their generation, but a broken generated response is not trained on."""
    replies: dict[str, str | Completion] = {
        "sorry": "Sorry, I cannot.",
        "stop": "of the",
        "cut": Completion("It goes on and", "length"),
        "blocked": Completion("", "content_filter"),
        "long": Completion("", "context_overflow"),
        "fine": "The Nile.",
    }
    seeds = [{"id": name, "instruction": f"Question {n}."} for n, name in enumerate(replies)]
    seeds.append({"id": "own", "instruction": "Own.", "response": "Sorry, of the author's own."})
    make_run(tmp_path / "r", seeds, lambda request: replies[request.seed_id], generations=0)
    assert len(read_rows(tmp_path / "r" / "generation-0.jsonl")) == 7
    report = merge([tmp_path / "r"], None, "alpaca")
    assert {row["instruction"] for row in read_rows(report.out)} == {"Question 5.", "Own."}
    assert report.left_out == {"seed_sorry": 1, "seed_stop_words": 1, "seed_truncated": 1, "no_response": 2}
    assert report.as_json()["left_out"] == dict(sorted(report.left_out.items()))


@pytest.mark.parametrize("size", [None, 3])
def test_merging_again_replaces_the_mix(tmp_path: Path, size: int | None) -> None:
    """What evol wrote and nobody touched may be written anew, in another format too."""
    make_run(tmp_path / "r", make_seeds(3))
    merge([tmp_path / "r"], None)
    report = merge([tmp_path / "r"], None, "alpaca", size)
    assert report.out == tmp_path / "r" / "mix.jsonl"
    assert all(set(row) == {"instruction", "input", "output"} for row in read_rows(report.out))
    meta = orjson.loads((tmp_path / "r" / "mix.meta.json").read_bytes())
    assert (meta["format"], meta["size"], meta["rows"]) == ("alpaca", size, report.rows)


def write_foreign(out: Path) -> None:
    """A file of the user's."""
    out.write_text("mine\n")


def change_mix(out: Path) -> None:
    """A mix that was edited by hand."""
    merge([out.parent / "r"], out)
    out.write_text(out.read_text() + "{}\n")


def lose_meta(out: Path) -> None:
    """A mix whose description is gone, so that nobody knows who wrote it."""
    merge([out.parent / "r"], out)
    out.with_name("mix.meta.json").unlink()


def write_foreign_meta(out: Path) -> None:
    """A file of the user's where the description would go."""
    out.with_name("mix.meta.json").write_text('{"mine": 1}')


@pytest.mark.parametrize("prepare", [write_foreign, change_mix, lose_meta, write_foreign_meta, Path.mkdir])
def test_what_evol_did_not_write_is_never_overwritten(tmp_path: Path, prepare: Callable[[Path], None]) -> None:
    """A file in the way, or a mix that was changed since, stays byte for byte."""
    make_run(tmp_path / "r", make_seeds(2))
    prepare(tmp_path / "mix.jsonl")
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(UsageError, match="--out"):
        merge([tmp_path / "r"], tmp_path / "mix.jsonl")
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(
    "name", ["generation-1.jsonl", "eliminated.jsonl", "journal.jsonl", ".seeds.jsonl", "manifest.json", ".lock"]
)
def test_the_runs_own_files_are_never_overwritten(tmp_path: Path, name: str) -> None:
    """A slip of --out cannot destroy what the mix is made from."""
    folder = tmp_path / "r"
    make_run(folder, make_seeds(2))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UsageError):
        merge([folder], folder / name)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_several_runs_need_a_name(finished: list[Path]) -> None:
    """Nobody guesses in which folder the mix of two runs belongs."""
    with pytest.raises(UsageError, match="--out"):
        merge(finished, None)


def test_a_run_named_twice_is_refused(tmp_path: Path, finished: list[Path]) -> None:
    """Also when it is spelled in two ways."""
    with pytest.raises(UsageError) as caught:
        merge([finished[0], finished[0] / ".." / "a"], tmp_path / "mix.jsonl")
    assert str(caught.value) == "a run is named twice: name each run once"


def test_an_unknown_format_lists_the_known_ones(tmp_path: Path, finished: list[Path]) -> None:
    """And writes nothing."""
    with pytest.raises(UsageError, match="trl, messages, alpaca, sharegpt, llamafactory, axolotl"):
        merge(finished, tmp_path / "mix.jsonl", "csv")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_target_folder_is_refused(tmp_path: Path, finished: list[Path]) -> None:
    """No folder is made by a slip of --out."""
    with pytest.raises(UsageError, match="no such folder"):
        merge(finished, tmp_path / "none" / "mix.jsonl")
    assert list(tmp_path.iterdir()) == []


def damage_row(folder: Path) -> None:
    """One letter of one row differs."""
    path = folder / "generation-1.jsonl"
    path.write_bytes(path.read_bytes().replace(b"harder", b"herder", 1))


def truncate(folder: Path) -> None:
    """The last row is cut."""
    path = folder / "generation-2.jsonl"
    path.write_bytes(path.read_bytes()[:-9])


def remove(folder: Path) -> None:
    """A generation is gone."""
    (folder / "generation-1.jsonl").unlink()


def remove_with_its_digest(folder: Path) -> None:
    """A generation is gone from the folder and from the manifest's files."""
    remove(folder)
    manifest = read_manifest(folder)
    assert manifest is not None
    files = {name: digest for name, digest in manifest.files.items() if name != "generation-1.jsonl"}
    write_manifest(folder, manifest.model_copy(update={"files": files}))


def damage_eliminated(folder: Path) -> None:
    """A file that does not go into the mix differs."""
    (folder / "eliminated.jsonl").write_text("{}\n")


def damage_manifest(folder: Path) -> None:
    """The manifest is cut."""
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes()[:-20])


def write_newer_manifest(folder: Path) -> None:
    """The manifest is of a later evol."""
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2'))


def remove_manifest(folder: Path) -> None:
    """The manifest is gone."""
    (folder / "manifest.json").unlink()


def pretend_killed(folder: Path) -> None:
    """The manifest says that a run is going on, and nobody holds the folder."""
    manifest = read_manifest(folder)
    assert manifest is not None
    write_manifest(folder, manifest.model_copy(update={"status": "running"}))


RESTORE = "run the same `evol run` again to restore it"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (damage_row, f"/generation-1.jsonl: not what `evol run` wrote: {RESTORE}, or use a copy"),
        (truncate, "/generation-2.jsonl:3: a damaged row (Invalid JSON: "),
        (remove, f"/generation-1.jsonl: no such file: {RESTORE}"),
        (remove_with_its_digest, "/manifest.json: does not know generation-1.jsonl: run the same `evol run` again"),
        (damage_eliminated, f"/eliminated.jsonl: not what `evol run` wrote: {RESTORE}, or use a copy"),
        (damage_manifest, ""),
        (write_newer_manifest, ""),
        (remove_manifest, ""),
        (pretend_killed, ": the run was killed before it wrote its files: run the same `evol run` again"),
    ],
)
def test_a_damaged_run_is_refused(tmp_path: Path, damage: Callable[[Path], None], sentence: str) -> None:
    """Files that are not what the manifest says make no mix (exit 7); the message says which and what to do."""
    folder = tmp_path / "r"
    make_run(folder, make_seeds(3))
    damage(folder)
    with pytest.raises(FolderError) as caught:
        merge([folder], tmp_path / "mix.jsonl")
    assert caught.value.exit_code == 7
    told = str(caught.value)
    assert (
        told.startswith(f"{folder}{sentence}")
        if sentence.endswith(": ")
        else sentence in ("", told[len(str(folder)) :])
    )
    assert str(folder) in told
    assert caught.value.hint
    assert not (tmp_path / "mix.jsonl").exists()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"seed_id"', b'"seed_if"', "seed_id"),
        (b'"generation":1', b'"generation":"1"', "generation"),
        (b'"operation"', b'{operation"', "Invalid JSON"),
        (b'"id":"s1.1"', b'"id":"s2.1"', "out of place"),
    ],
)
def test_a_damaged_row_is_named_with_its_line(tmp_path: Path, old: bytes, new: bytes, why: str) -> None:
    """The sentence says which row of which file is damaged, and how; nothing is written."""
    folder = tmp_path / "r"
    make_run(folder, make_seeds(3))
    path = folder / "generation-1.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(old, new)
    path.write_bytes(b"".join(lines))
    with pytest.raises(FolderError, match=rf"generation-1\.jsonl:2: a (damaged )?row .*{why}"):
        merge([folder], tmp_path / "mix.jsonl")
    assert not (tmp_path / "mix.jsonl").exists()


SYSTEM = "Be kind."
ASKED = {"role": "user", "content": "Do s0."}
SAID = {"role": "assistant", "content": "Response to: Do s0."}
TOLD = {"role": "system", "content": SYSTEM}


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("trl", {"prompt": [TOLD, ASKED], "completion": [SAID]}),
        ("messages", {"messages": [TOLD, ASKED, SAID]}),
        ("axolotl", {"messages": [TOLD, ASKED, SAID]}),
        ("openai", {"messages": [TOLD, ASKED, SAID]}),
        (
            "sharegpt",
            {
                "conversations": [
                    {"from": "system", "value": SYSTEM},
                    {"from": "human", "value": "Do s0."},
                    {"from": "gpt", "value": "Response to: Do s0."},
                ]
            },
        ),
        ("llamafactory", {"instruction": "Do s0.", "input": "", "output": "Response to: Do s0.", "system": SYSTEM}),
        (
            "wizardlm",
            {
                "prompt": "Do s0.\n\n### Response:",
                "completion": "Response to: Do s0.",
                "text": "Be kind. USER: Do s0. ASSISTANT: Response to: Do s0.</s>",
            },
        ),
    ],
)
def test_a_system_prompt_stands_where_the_format_has_it(tmp_path: Path, name: str, row: dict[str, Any]) -> None:
    """A first turn in chats, a column for LLaMA-Factory, before the Vicuna text; the card tells it."""
    make_run(tmp_path / "r", make_seeds(1), generations=0)
    merge([tmp_path / "r"], None, name, system=SYSTEM)
    assert read_rows(tmp_path / "r" / "mix.jsonl") == [row]
    assert 'this system prompt: "Be kind."' in (tmp_path / "r" / "mix.card.md").read_text()


@pytest.mark.parametrize("system", ["", SYSTEM])
def test_parquet_holds_plain_columns(tmp_path: Path, system: str) -> None:
    """`id`, `instruction`, `response`, and `system` where one was given; `id` leads to the lineage."""
    from pyarrow import parquet

    make_run(tmp_path / "r", make_seeds(4))
    report = merge([tmp_path / "r"], None, "parquet", system=system)
    rows = parquet.read_table(report.out).to_pylist()
    assert report.out.name == "mix.parquet"
    assert list(rows[0]) == ["id", "instruction", "response", *(["system"] if system else [])]
    lineage = read_rows(tmp_path / "r" / "mix.lineage.jsonl")
    assert [row["id"] for row in rows] == [row["id"] for row in lineage]
    told = {row["id"]: (row["instruction"], row["response"]) for row in read_all_rows(tmp_path / "r")}
    assert {row["id"]: (row["instruction"], row["response"]) for row in rows} == told


def test_a_run_that_is_going_on_is_refused(tmp_path: Path) -> None:
    """While another process holds the folder the answer is "wait" (exit 6)."""
    folder = tmp_path / "r"
    make_run(folder, make_seeds(1))
    pretend_killed(folder)
    with lock_folder(folder), pytest.raises(FolderInUse, match=f"^{folder}: a run is going on: wait until it ends$"):
        merge([folder], None)


def test_the_command_restores_a_damaged_generation(tmp_path: Path) -> None:
    """What the hint promises: the same run again writes the files anew from the journal, without a call."""
    folder = tmp_path / "r"
    make_run(folder, make_seeds(3))
    before = (folder / "generation-1.jsonl").read_bytes()
    damage_row(folder)

    def refuse(request: CompletionRequest) -> str:
        raise AssertionError("no call may be made")

    assert make_run(folder, make_seeds(3), refuse).exit_code == 0
    assert (folder / "generation-1.jsonl").read_bytes() == before
    assert merge([folder], None).rows == 9


def test_all_generation_files_have_the_same_columns(tmp_path: Path) -> None:
    """The documented columns in their order, of one type each, never null; an empty generation is an empty file."""

    def reply(request: CompletionRequest) -> str | Completion:
        if request.generation == 2 and request.role == "judge":
            return "Equal"
        if request.generation == 2 and request.role == "evolver":
            return "Do s0."  # in-breadth is not judged; going back to the seed kills it
        if request.generation == 3 and request.seed_id == "s1":
            return Completion("", "content_filter")
        return reply_well(request)

    seeds = [*make_seeds(3), {"id": "s3", "instruction": "Do s0.", "response": "Own."}]
    seeds[1]["instruction"] = seeds[2]["instruction"] = "Do s0."
    assert make_run(tmp_path / "r", seeds, reply, generations=3).exit_code == 0
    counts = [len(read_rows(tmp_path / "r" / f"generation-{n}.jsonl")) for n in range(4)]
    assert counts == [4, 4, 0, 3]
    assert (tmp_path / "r" / "generation-2.jsonl").read_bytes() == b""
    for row in read_all_rows(tmp_path / "r"):
        assert {name: type(value) for name, value in row.items()} == COLUMNS
        assert list(row) == list(COLUMNS)
    eliminated = read_rows(tmp_path / "r" / "eliminated.jsonl")
    assert len(eliminated) == 5
    for row in eliminated:
        assert list(row) == [*COLUMNS, "reason", "detail"]
        assert all(type(row[name]) is kind for name, kind in COLUMNS.items())


def test_the_columns_tell_a_lineage(tmp_path: Path) -> None:
    """Ids, nearest surviving parent, models, finish reason and the sum of all tokens the row took."""

    def reply(request: CompletionRequest) -> str | Completion:
        if request.generation == 2 and request.role == "evolver":
            return Completion("", "content_filter", 1, 0)
        return reply_well(request)

    models = {"default": {"model": "m"}, "responder": {"model": "answerer"}}
    config: dict[str, Any] = {"evolver": {"weights": {"breadth": 0.0}}, "models": models, "generations": 3}
    make_run(tmp_path / "r", make_seeds(1), reply, **config)
    seed, first, third = read_all_rows(tmp_path / "r")
    [second] = read_rows(tmp_path / "r" / "eliminated.jsonl")
    assert [row["id"] for row in (seed, first, second, third)] == ["s0.0", "s0.1", "s0.2", "s0.3"]
    assert [row["parent_id"] for row in (seed, first, second, third)] == ["", "s0.0", "s0.1", "s0.1"]
    assert [row["evolver_model"] for row in (seed, first, second, third)] == ["", "m", "m", "m"]
    assert [row["response_model"] for row in (seed, first, second, third)] == ["answerer", "answerer", "", "answerer"]
    assert [row["input_tokens"] for row in (seed, first, second, third)] == [5, 55, 1, 55]
    assert [row["output_tokens"] for row in (seed, first, second, third)] == [7, 19, 0, 19]
    assert (seed["operation"], second["finish_reason"], second["reason"]) == ("seed", "content_filter", "blocked")


@settings(deadline=None, max_examples=15, database=None)
@given(texts=st.lists(st.text(max_size=8) | st.sampled_from(["a", "a ", "A", "é", "e\u0301"]), max_size=6))
def test_a_mix_never_repeats_an_instruction(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Whatever instructions the seeds hold, the mix holds each once, and rows + left out = all rows."""
    folder = tmp_path_factory.mktemp("mix") / "r"
    clean = [text for text in texts if text.strip() and "\0" not in text]
    seeds = [{"id": n, "instruction": f"x{text}", "response": "R"} for n, text in enumerate(["", *clean])]
    make_run(folder, seeds, generations=0)
    report = merge([folder], None, "alpaca")
    digests = [digest_instruction(row["instruction"]) for row in read_rows(report.out)]
    assert len(set(digests)) == len(digests)
    assert report.rows + sum(report.left_out.values()) == len(seeds)


def test_the_mix_and_its_side_files_stand_together(tmp_path: Path, finished: list[Path]) -> None:
    """Beside the mix stand its lineage, what was removed, its card and how it was made; nothing else is written."""
    with contextlib.chdir(tmp_path):
        merge(finished, Path("mix.jsonl"), "trl", 10, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mix.card.md",
        "mix.jsonl",
        "mix.lineage.jsonl",
        "mix.meta.json",
        "mix.removed.jsonl",
    ]
    meta = orjson.loads((tmp_path / "mix.meta.json").read_bytes())
    assert (meta["rows"], meta["size"], meta["random_seed"], meta["format"]) == (10, 10, 3, "trl")
    assert meta["runs"] == [str(path) for path in finished]
    assert meta["complete"] is True
