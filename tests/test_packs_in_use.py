"""Packs in use: `evol packs` and what it prints; an operation's own judge and the in-breadth share in whole runs."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from conftest import SEEDS, Evol, read_rows
from evol.backends.scripted import ScriptedBackend
from evol.checks import check_run
from evol.config import load_config
from evol.evolver import choose_operation
from evol.files import data_folder
from evol.packs import load_pack
from evol.pipeline import run
from evol.progress import TerminalObserver
from evol.records import ROLES, Completion, CompletionRequest
from fake_server import FakeServer

PROMPTS = data_folder("prompts")
FIRST_SEED = "Write a four-line poem about rain on a window."
ESCAPES = "\x1b[31mred\x07\x9b2J\u202eback"
PACK_TOML = """\
name = "mine"
description = "Evolves \\u001B[31mred."
[operations.add]
kind = "in-depth"
[operations.strict]
kind = "in-depth"
judge = "severe.txt"
[operations.free]
kind = "in-depth"
judge = false
[operations.rarer]
kind = "in-breadth"
[judge]
reask = "Again."
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A user's pack, three in-depth operations that differ in their judge and one in-breadth."""
    folder = tmp_path / "mine"
    (folder / "short").mkdir(parents=True)
    (folder / "pack.toml").write_text(PACK_TOML)
    for name in ("add", "strict", "free", "rarer"):
        (folder / f"{name}.txt").write_text(f"{name} {ESCAPES}: {{{{instruction}}}}\n")
    (folder / "short" / "add.txt").write_text("short: {{instruction}}\n")
    (folder / "judge.txt").write_text("default judge: {{first}} or {{second}}\n")
    (folder / "severe.txt").write_text("severe judge: {{first}} or {{second}}\n")
    return folder


def test_packs_lists_the_bundled_ones(evol: Evol) -> None:
    """Name and description, then each operation with kind, weight and whether a short variant exists."""
    done = evol.call("packs")
    assert (done.returncode, done.stderr) == (0, "")
    blocks = done.stdout.rstrip("\n").split("\n\n")
    assert [block.split(":")[0] for block in blocks] == ["general", "code", "math"]
    for block in blocks:
        head, columns, *rows = block.splitlines()
        assert len(head.split(": ", 1)[1]) > 20
        assert re.split(r"\s{2,}", columns.strip()) == ["operation", "kind", "weight", "short variant"]
        loaded = load_pack(head.split(":")[0], "full", {})
        shown = [row.split() for row in rows]
        assert shown == [[each.name, each.kind, f"{each.weight:g}", "yes"] for each in loaded.operations]


@pytest.mark.parametrize("flags", [(), ("--short",)], ids=["full", "short"])
@pytest.mark.parametrize(("name", "operation"), [("general", "deepen"), ("code", "misleading_code")])
def test_show_prints_what_a_run_would_send(evol: Evol, name: str, operation: str, flags: tuple[str, ...]) -> None:
    """The prompt of the first starter seed, turn by turn, as a dry run shows it."""
    done = evol.call("packs", "show", name, operation, *flags)
    assert (done.returncode, done.stderr) == (0, "")
    (evol.folder / "c.toml").write_text(f"[evolver]\nprompts = '{'short' if flags else 'full'}'\n")
    planned = evol.run("--config", "c.toml", "--pack", name, "--limit", "1", "--dry-run")
    assert f"--- prompt of {operation}, for the first seed\n{done.stdout}--- " in planned.stdout
    assert FIRST_SEED in done.stdout
    assert done.stdout.startswith("[system] " if flags or operation == "misleading_code" else "[user] ")


def test_show_takes_an_instruction(evol: Evol) -> None:
    """What is given is what is evolved, on as many lines as it has; the data format is drawn as for a seed."""
    text = "Plan {{format}}\nmy day. <x>"
    shown = [evol.call("packs", "show", "general", "complicate_input", "--instruction", text) for _ in range(2)]
    assert shown[0].stdout == shown[1].stdout
    assert f"<given_instruction>\n{text}\n</given_instruction>" in shown[0].stdout
    assert re.search(
        r"\[user\] Format: (XML|SQL table|Python code|HTML page|shell command|JSON)\n\n<[^\n]+\nPlan", shown[0].stdout
    )
    assert FIRST_SEED not in shown[0].stdout


def test_show_says_when_there_is_no_short_variant(evol: Evol, pack: Path) -> None:
    """The full text is shown in its place, as a run would send it, and stderr says so."""
    own = evol.call("packs", "show", pack, "add", "--short")
    assert (own.stdout, own.stderr) == (f"[user] short: {FIRST_SEED}\n", "")
    fallback = evol.call("packs", "show", pack, "rarer", "--short")
    assert fallback.stdout.startswith("[user] rarer ")
    assert "rarer has no short variant" in fallback.stderr


def test_nothing_drives_the_terminal(evol: Evol, pack: Path) -> None:
    """Control and direction characters of a pack or an instruction are not printed, wherever they stand."""
    printed = [
        evol.call("packs", "show", pack, "add", "--instruction", f"Do {ESCAPES}."),
        evol.call("packs", "check", pack),
        evol.call("packs", "show", pack, ESCAPES),
        evol.call("packs", "show", ESCAPES, "add"),
    ]
    (pack / "pack.toml").write_text(PACK_TOML.replace('kind = "in-depth"', 'kind = "\\u001B[31m"'))
    (pack / "short" / f"{ESCAPES}.txt").write_text("x")
    printed.append(evol.call("packs", "check", pack))
    assert [done.returncode for done in printed] == [0, 0, 2, 2, 2]
    for done in printed:
        assert "red" in done.stdout + done.stderr or "31m" in done.stdout + done.stderr
        assert all(char.isprintable() or char == "\n" for char in done.stdout + done.stderr)


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in PROMPTS.glob("*/pack.toml")), ids=lambda path: path.name
)
def test_check_accepts_the_bundled_packs(evol: Evol, folder: Path) -> None:
    """An "ok" and what was found: operations, short variants, judges, labels."""
    done = evol.call("packs", "check", folder)
    assert (done.returncode, done.stderr) == (0, "")
    loaded = load_pack(folder.name, "full", {})
    count = len(loaded.operations)
    assert done.stdout.startswith(f"ok: {folder} holds {count} operations ({count} with a short variant), ")
    assert f"{len(loaded.labels)} labels\n{folder.name}: {loaded.description}\n" in done.stdout
    assert all(f"\n  {each.name} " in done.stdout for each in loaded.operations)


def test_check_counts_what_is_there(evol: Evol, pack: Path) -> None:
    """Two judges are named in the folder, one text is short, no label is given."""
    done = evol.call("packs", "check", pack)
    assert "holds 4 operations (1 with a short variant), 2 judges and 0 labels\n" in done.stdout


def test_check_names_every_fault(evol: Evol, pack: Path) -> None:
    """Each fault is one line on stderr with file and line; exit 2, and nothing on stdout."""
    (pack / "short" / "add.txt").write_text("One\n{{instructoin}}\n")
    (pack / "rarer.txt").write_text("[[system]]\n{{instruction}}\n")
    (pack / "pack.toml").write_text(PACK_TOML.replace('"severe.txt"', '"missing.txt"'))
    done = evol.call("packs", "check", pack)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert all(line.startswith(f"evol: error: {pack}/") for line in lines)
    assert {line.removeprefix(f"evol: error: {pack}/").split(": ")[0] for line in lines} == {
        "pack.toml:7",
        "short/add.txt:2",
        "rarer.txt:2",
    }


def test_the_readmes_pack_is_valid(evol: Evol) -> None:
    """The example in the README, with the texts it says it needs, passes the check that the README names."""
    [example] = re.findall(r"```toml\n(name = .+?)```", (PROMPTS.parent / "README.md").read_text(), re.DOTALL)
    folder = evol.folder / "my-pack"
    folder.mkdir()
    (folder / "pack.toml").write_text(example)
    (folder / "add_constraints.txt").write_text("{{instruction}}")
    (folder / "other_country.txt").write_text("{{format}}: {{instruction}}")
    for name in ("judge.txt", "judge_country.txt"):
        (folder / name).write_text(name + "{{first}} {{second}}")
    done = evol.call("packs", "check", "my-pack")
    assert (done.returncode, done.stderr) == (0, "")
    assert "holds 2 operations (0 with a short variant), 2 judges and 2 labels\nlaw: " in done.stdout


def test_a_checked_pack_runs(evol: Evol, pack: Path, server: FakeServer) -> None:
    """What `evol packs check` calls ok, `evol run --pack` takes."""
    assert evol.call("packs", "check", "mine").returncode == 0
    server.reply = lambda body: f"Name {len(str(body))} things."
    done = evol.run(SEEDS / "starter.jsonl", "--pack", "./mine", "--generations", "1", "--out", "out")
    assert done.returncode == 0, done.stderr
    rows = read_rows(evol.folder / "out/generation-1.jsonl")
    assert rows
    assert {row["operation"] for row in rows} <= {"add", "strict", "free", "rarer"}


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ("in-depth", {"add": "default judge", "strict": "severe judge"}),
        ("all", {"add": "default judge", "strict": "severe judge", "rarer": "default judge"}),
        ("off", {}),
    ],
)
def test_each_operation_is_judged_by_its_own_judge(
    tmp_path: Path, pack: Path, scope: str, asked: dict[str, str]
) -> None:
    """The judge that the operation names is asked, one that says false is never, and the scope still decides."""
    seen: dict[str, str] = {}

    def reply(request: CompletionRequest) -> Completion:
        content = json.loads(request.body)["messages"][-1]["content"]
        if request.role == "judge":
            seen[request.seed_id] = content.split(":")[0]
        return Completion(
            {"judge": "Equal", "evolver": f"Do {request.seed_id} twice."}.get(request.role, "Yes."), "stop"
        )

    seeds = tmp_path / "s.jsonl"
    seeds.write_text("".join(f'{{"id": "s{n}", "instruction": "Do {n}."}}\n' for n in range(40)))
    models = {"default": {"model": "m"}}
    flags = {"seeds": str(seeds), "out": str(tmp_path / "r"), "generations": 1, "pack": str(pack), "models": models}
    config = load_config(None, {**flags, "eliminator": {"judge": scope}})
    done = run(check_run(config), {key: [ScriptedBackend(reply)] for key in ROLES}, TerminalObserver(quiet=True))
    loaded = load_pack(str(pack), "full", {})
    drawn = {f"s{n}": choose_operation(loaded, 0, f"s{n}", 1).name for n in range(40)}
    assert set(drawn.values()) == {"add", "strict", "free", "rarer"}
    assert seen == {seed_id: asked[name] for seed_id, name in drawn.items() if name in asked}
    assert done.manifest.counts[1].eliminated == ({"equal": len(seen)} if seen else {})


def test_the_share_is_what_is_drawn() -> None:
    """A share of one half gives half of all draws, whatever the seed; the in-depth ones stay even among themselves."""
    loaded = load_pack("general", "full", {}, 0.5)
    drawn = Counter(choose_operation(loaded, 0, f"s{n}", g).name for n in range(1000) for g in range(1, 5))
    assert 1900 < drawn.pop("breadth") < 2100
    assert sum((count - 400) ** 2 / 400 for count in drawn.values()) < 18.5  # 0.1 % point, 4 degrees of freedom


def test_a_run_with_another_share_is_another_run(evol: Evol) -> None:
    """The share decides which requests are made, so a folder refuses another one by name, and touches nothing."""
    config = evol.folder / "c.toml"
    arguments = (SEEDS / "starter.jsonl", "--config", config, "--limit", "3", "--generations", "1")
    config.write_text("[evolver]\nbreadth_share = 0.5\n")
    assert evol.run(*arguments).returncode == 0
    before = (evol.folder / "output/manifest.json").read_bytes()
    config.write_text("[evolver]\nbreadth_share = 0.2\n")
    refused = evol.run(*arguments)
    assert refused.returncode == 7
    assert "evolver.breadth_share was 0.5, now 0.2" in refused.stderr
    assert (evol.folder / "output/manifest.json").read_bytes() == before
