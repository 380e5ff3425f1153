"""The dataset card and the way to the Hub: what it says is so, what it must not say, and the command it names."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import Evol
from evol import __version__
from evol.files import digest_file
from evol.records import Completion, CompletionRequest
from fake_hub import FakeHub
from scripted_runs import make_run, make_seeds, merge, read_rows, reply_well

TOKEN = "hf_canary"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ten seeds in which one evolution is judged equal, one instruction repeats, one seed has no response."""

    def reply(request: CompletionRequest) -> str | Completion:
        if request.seed_id == "s1" and request.role == "judge" and request.generation == 2:
            return "Equal"
        if request.seed_id == "s2" and request.generation == 0:
            return Completion("", "content_filter")
        return reply_well(request)

    folder = tmp_path_factory.mktemp("card") / "r"
    seeds = make_seeds(10)
    seeds[4]["instruction"] = seeds[3]["instruction"]
    assert make_run(folder, seeds, reply, evolver={"weights": {"breadth": 0.0}}).exit_code == 0
    return folder


def read_card(path: Path) -> tuple[dict[str, Any], str]:
    """The YAML head and the text."""
    _, head, text = path.read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def find_cell(text: str, name: str) -> str:
    """The cell beside a name in one of the tables."""
    [cell] = re.findall(rf"^\| {re.escape(name)} \| (.*?) \|", text, re.MULTILINE)
    return str(cell)


def test_the_head_is_what_the_hub_reads(tmp_path: Path, folder: Path) -> None:
    """Configs with both splits, features, tags, size and source; a license only if one was given."""
    merge([folder], tmp_path / "m", holdout=3, license="cc-by-4.0")
    head, _ = read_card(tmp_path / "m" / "README.md")
    turns = {"list": [{"name": "role", "dtype": "string"}, {"name": "content", "dtype": "string"}]}
    assert head == {
        "license": "cc-by-4.0",
        "pretty_name": "m",
        "task_categories": ["text-generation"],
        "tags": ["synthetic", "evol-instruct"],
        "size_categories": ["n<1K"],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "source_datasets": ["extended|other-r.seeds"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": "train", "path": "mix.jsonl"},
                    {"split": "test", "path": "mix.holdout.jsonl"},
                ],
            }
        ],
        "dataset_info": {"features": [{"name": "prompt", **turns}, {"name": "completion", **turns}]},
    }
    merge([folder], tmp_path / "m")
    head, _ = read_card(tmp_path / "m" / "README.md")
    assert "license" not in head
    assert [file["split"] for file in head["configs"][0]["data_files"]] == ["train"]


def test_the_text_counts_every_step(tmp_path: Path, folder: Path) -> None:
    """Seeds, evolved, eliminated by reason, kept, duplicates, available, mix: the figures follow from one another."""
    report = merge([folder], tmp_path / "mix.jsonl", size=20)
    _, text = read_card(tmp_path / "mix.card.md")
    steps = {
        "seeds": "10",
        "evolved (attempts)": "20",
        "eliminated: equal": "-1",
        "kept: seeds and survivors": "29",
        "left out by a gate: no_response": "-1",
        "exact duplicates": "-1",
        "near duplicates": "0",
        "contaminated": "0",
        "available": "27",
        "in the mix, split train": "20",
    }
    assert {name: find_cell(text, name) for name in steps} == steps
    for number, count in report.generations.items():
        assert find_cell(text, f"generation {number}") == str(count)
    for name, count in report.operations.items():
        assert find_cell(text, f"operation {name}") == str(count)


@pytest.mark.parametrize("holdout", [0, 3])
def test_the_text_names_every_file(tmp_path: Path, folder: Path, holdout: int) -> None:
    """Rows and split of each file of rows, what the side files are for, and the columns with their system prompt."""
    report = merge([folder], tmp_path / "my.jsonl", "llamafactory", holdout=holdout, system="Be kind.")
    _, text = read_card(tmp_path / "my.card.md")
    table = text.partition("## Files")[2].partition("## ")[0]
    assert re.findall(r"^\| `(.*)` \| (.*) \|$", table, re.MULTILINE) == [
        ("my.jsonl", f"{report.rows} rows, split `train`"),
        *([("my.holdout.jsonl", "3 rows, split `test`")] if holdout else []),
        ("my.lineage.jsonl", "where each row comes from, in the order of the mix"),
        *([("my.holdout.lineage.jsonl", "the same for the holdout")] if holdout else []),
    ]
    assert report.holdout == holdout
    assert "columns `instruction`, `input`, `output`, `system`. Every row has this system prompt" in table


def test_the_text_tells_what_was_not_asked_for_and_what_matched(tmp_path: Path, folder: Path) -> None:
    """Rows left aside by choice are no loss; each benchmark stands with its digest, its questions and its matches."""
    path = tmp_path / "b.txt"
    path.write_text("Do s7.\nWhat else could be asked?\n")
    merge([folder], tmp_path / "mix.jsonl", generations="0-1", against=(path,))
    _, text = read_card(tmp_path / "mix.card.md")
    assert find_cell(text, "kept: seeds and survivors") == "29"
    assert find_cell(text, "not asked for (generations, operations, skills)") == "-9"
    assert find_cell(text, "contaminated") == "-2"
    assert f"`b.txt` (sha256 `{digest_file(path)}`, 2 questions, 1 rows matched)" in text


def test_the_title_is_what_people_know_the_mix_by(tmp_path: Path, folder: Path) -> None:
    """The repository's name, else that of a folder of its own, else the runs'."""
    other = tmp_path / "other"
    make_run(other, make_seeds(2, "x"), generations=0)
    titles = []
    places = {"m": "m/README.md", "mix.jsonl": "mix.card.md", "two.jsonl": "two.card.md"}
    for out, card in places.items():
        merge([folder, other] if out == "two.jsonl" else [folder], tmp_path / out)
        titles += re.findall(r"^# (.*)$", (tmp_path / card).read_text(), re.MULTILINE)
    assert titles == ["m", "Evol-Instruct mix of r", "Evol-Instruct mix of other, r"]


def test_the_text_names_models_prompts_and_seeds(tmp_path: Path, folder: Path) -> None:
    """Models with their sampling, the pack with the digests of its prompts, the seeds with theirs, the operations."""
    merge([folder], tmp_path / "mix.jsonl")
    _, text = read_card(tmp_path / "mix.card.md")
    manifest = yaml.safe_load((folder / "manifest.json").read_text())
    for role in ("evolver", "judge"):
        assert f"| {role} | m | temperature 1.0, top_p 0.9, max_tokens 2048, frequency_penalty 0.0 |" in text
        assert manifest["fingerprint"][role]["prompts"] in text
    assert "| responder | m |" in text
    assert manifest["seeds"]["sha256"] in text
    assert "Prompt pack `general`" in text
    assert "equality judge: in-depth" in text
    drawn = re.search(r"Operations drawn: (.*)\.", text)
    assert drawn
    assert sum(int(part.rpartition(" ")[2]) for part in drawn[1].split(", ")) == 20


def test_the_text_tells_no_host_and_no_folder(tmp_path: Path) -> None:
    """Neither the endpoint nor any place on this machine stands in what may be published."""
    make_run(
        tmp_path / "r", make_seeds(2), models={"default": {"model": "m", "base_url": "http://secret.intern:8000/v1"}}
    )
    benchmark = tmp_path / "b.txt"
    benchmark.write_text("Never asked.")
    merge([tmp_path / "r"], tmp_path / "m", against=(benchmark,))
    card = (tmp_path / "m" / "README.md").read_text()
    assert "secret" not in card
    assert str(tmp_path) not in card
    assert "evol merge r --out m --against b.txt" in card


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """A model's name cannot break the table, open a tag, or end the YAML."""
    name = "m | <script>\n---\n# x"
    make_run(tmp_path / "r", make_seeds(1), models={"default": {"model": name}})
    merge([tmp_path / "r"], tmp_path / "x: [y]", system="a: b\n--- <i> | c")
    head, text = read_card(tmp_path / "x: [y]" / "README.md")
    assert head["pretty_name"] == "x: [y]"
    assert "| evolver | m \\| &lt;script> --- # x |" in text
    assert "<script" not in text


def test_the_bundled_seeds_are_the_source(tmp_path: Path) -> None:
    """Without seeds of the user's the source is original."""
    from evol.backends.scripted import ScriptedBackend
    from evol.checks import check_run
    from evol.config import load_config
    from evol.pipeline import run
    from evol.records import ROLES
    from scripted_runs import Silent

    flags = {"out": str(tmp_path / "r"), "generations": 0, "limit": 3, "models": {"default": {"model": "m"}}}
    run(check_run(load_config(None, flags)), {key: [ScriptedBackend(reply_well)] for key in ROLES}, Silent())
    merge([tmp_path / "r"])
    head, _ = read_card(tmp_path / "r" / "mix.card.md")
    assert head["source_datasets"] == ["original"]
    assert merge([tmp_path / "r"], only=("skill=writing",)).rows == 1


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"size": 7, "random_seed": 3, "holdout": 3},
        {"format_name": "llamafactory", "system": "Be 'kind' & brief.", "generations": "1-2", "dedupe": "near"},
        {"per_generation": "0:1,1:2", "only": ("operation=deepen", "operation=seed"), "keep": "earliest"},
    ],
    ids=str,
)
def test_the_command_makes_the_mix_again(tmp_path: Path, folder: Path, more: dict[str, Any]) -> None:
    """The command that the card names, run from the run's place, gives the same mix byte for byte."""
    merge([folder], tmp_path / "mix.jsonl", **more)
    found = re.search(r"```sh\n(.*)\n```", (tmp_path / "mix.card.md").read_text())
    assert found
    words = shlex.split(found[1])
    assert words[:2] == ["evol", "merge"]
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "r").symlink_to(folder)
    done = Evol(tmp_path / "again", "").call(*words[1:])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again" / "mix.jsonl").read_bytes() == (tmp_path / "mix.jsonl").read_bytes()


def test_the_marker_knows_the_set(tmp_path: Path, folder: Path) -> None:
    """Digests of all files, that it is complete and replaces nothing any more, and how the mix was made."""
    for random_seed in (1, 2):
        report = merge([folder], tmp_path / "mix.jsonl", random_seed=random_seed)
        marker = json.loads((tmp_path / "mix.meta.json").read_text())
        names = {path.name for path in tmp_path.iterdir() if path.is_file()} - {"mix.meta.json"}
        assert marker["files"] == {name: digest_file(tmp_path / name) for name in names}
        assert (marker["complete"], marker["replaces"]) == (True, {})
        assert marker["sha256"] == marker["files"]["mix.jsonl"]
        assert marker["command"] == f"evol merge r --out mix.jsonl --random-seed {random_seed}"
        told = ("evol_version", "format", "size", "random_seed", "runs", "rows")
        assert [marker[name] for name in told] == [__version__, "trl", None, random_seed, [str(folder)], report.rows]
        assert report.files == {name: (tmp_path / name).stat().st_size for name in names}


def call_evol(hub: FakeHub | None, cwd: Path, *arguments: str, token: str = TOKEN) -> Any:
    """The real command, whose Hub is a local one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {
        "HF_HOME": str(cwd / "hf"),
        "HF_TOKEN": token,
        "HF_ENDPOINT": hub.url if hub else "http://127.0.0.1:9",
    }
    return subprocess.run(
        [sys.executable, "-m", "evol.cli", "merge", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_mix_is_pushed_in_one_commit(tmp_path: Path, folder: Path) -> None:
    """huggingface_hub itself sends mix, holdout, lineage and card as README; what was removed stays at home."""
    with FakeHub() as hub:
        done = call_evol(hub, tmp_path, str(folder), "--out", "x.jsonl", "--holdout", "3", "--push-to-hub", "me/my-mix")
    assert done.returncode == 0, done.stderr
    names = {"x.jsonl": "x.jsonl", "x.holdout.jsonl": "x.holdout.jsonl", "x.lineage.jsonl": "x.lineage.jsonl"}
    names |= {"x.holdout.lineage.jsonl": "x.holdout.lineage.jsonl", "README.md": "x.card.md"}
    assert hub.files == {name: (tmp_path / source).read_bytes() for name, source in names.items()}
    assert hub.repositories == [("me/my-mix", True)]
    assert len(hub.messages) == 1
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert "sent: http://127.0.0.1" in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


@pytest.mark.parametrize("holdout", [0, 3])
def test_a_trainer_finds_the_files(tmp_path: Path, folder: Path, holdout: int) -> None:
    """LLaMA-Factory by the mix's name, with the system column; Axolotl by path; the holdout in its place for each."""
    files = ["my.jsonl", "my.holdout.jsonl"][: 2 if holdout else 1]
    merge([folder], tmp_path / "my.jsonl", "llamafactory", holdout=holdout, system="Be kind.")
    info = json.loads((tmp_path / "dataset_info.json").read_bytes())
    assert {key: entry["file_name"] for key, entry in info.items()} == dict(
        zip(["my", "my_holdout"], files, strict=False)
    )
    assert all(entry["columns"]["system"] == "system" for entry in info.values())
    merge([folder], tmp_path / "my.jsonl", "axolotl", holdout=holdout)
    stanza = yaml.safe_load((tmp_path / "my.axolotl.yaml").read_text())
    assert {key: entry["path"] for key, (entry,) in stanza.items()} == dict(
        zip(["datasets", "test_datasets"], files, strict=False)
    )
    assert not (tmp_path / "dataset_info.json").exists()


def test_what_is_sent_and_under_which_words(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that are there after the merge, named for a repository of data; the commit says what they are."""
    sent: list[tuple[Any, ...]] = []

    def push(*given: Any) -> str:
        sent.append(given)
        return "https://hub/datasets/me/x"

    monkeypatch.setattr("evol.merge.push", push)
    report = merge([folder], tmp_path / "x.jsonl", "llamafactory", holdout=3, push_to_hub="me/x")
    names = ("x.jsonl", "x.lineage.jsonl", "x.holdout.jsonl", "x.holdout.lineage.jsonl", "dataset_info.json")
    files = {name: tmp_path / name for name in names} | {"README.md": tmp_path / "x.card.md"}
    assert sent == [("me/x", files, f"Training mix of {report.rows} rows, evol {__version__}")]
    assert all(path.is_file() for path in files.values())
    assert (report.pushed, report.is_dry) == ("https://hub/datasets/me/x", False)
    assert "\n# me/x\n" in (tmp_path / "x.card.md").read_text()


def test_a_dry_run_of_a_push_needs_no_network(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names repository, files and sizes; no socket is opened and nothing is written."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    report = merge([folder], tmp_path / "m", push_to_hub="me/my-mix", dry_run=True)
    assert list(tmp_path.iterdir()) == []
    assert report.is_dry
    names, sizes = ("README.md", "mix.jsonl", "mix.lineage.jsonl"), report.files
    told = ", ".join(f"{name} ({sizes[name]:,} bytes)" for name in names)
    assert report.pushed == f"would send to the dataset repository me/my-mix: {told}"


@pytest.mark.parametrize(
    ("refuse", "token", "words"),
    [
        (401, TOKEN, ("HTTP 401", "HF_TOKEN")),
        (403, TOKEN, ("HTTP 403", "may write there")),
        (500, TOKEN, ("HTTP 500", "try again later")),
        (-1, TOKEN, ("the mix itself is written", "check the network")),
        (0, "", ("HTTP 401", "HF_TOKEN")),
    ],
)
def test_a_push_that_fails_is_one_sentence(
    tmp_path: Path, folder: Path, refuse: int, token: str, words: tuple[str, ...]
) -> None:
    """Exit 5, what happened and what to do, no traceback, no token; the mix stands."""
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(FakeHub()) if refuse >= 0 else None
        if hub:
            hub.refuse = refuse
        done = call_evol(hub, tmp_path, str(folder), "--out", "m", "--push-to-hub", "me/x", token=token)
    assert done.returncode == 5, done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("evol: error: ")]
    assert all(word in line for word in words)
    assert "Traceback" not in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert len(read_rows(tmp_path / "m" / "mix.jsonl")) == 27
