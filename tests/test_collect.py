from __future__ import annotations

import hashlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import KEY, Evol, read_journaled_keys, read_outputs, read_rows
from evol.collect import collect
from evol.errors import FolderError
from evol.joining import join_seeds
from evol.records import Completion, CompletionRequest
from fake_server import FakeServer, reply_to
from scripted_runs import make_run, make_seeds


def shard(evol: Evol, seeds: Path, *arguments: str, count: int = 3) -> list[str]:
    """Run all shards of a list; their folders, in no particular order."""
    names = [f"shards/{index}" for index in range(1, count + 1)]
    for index, name in enumerate(names, 1):
        ran = evol.run(seeds, *arguments, "--shard", f"{index}/{count}", "--out", name)
        assert ran.returncode == 0, ran.stderr
    return names[1:] + names[:1]


def read_tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def start_collect(evol: Evol, *arguments: str) -> subprocess.Popen[str]:
    """The real command in a process of its own."""
    command = [sys.executable, "-m", "evol.cli", "collect", *arguments]
    return subprocess.Popen(
        command,
        cwd=evol.folder,
        env=evol.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )


def heed_interrupts() -> None:
    """What runs in a shell's background ignores SIGINT, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_collected_shards_are_the_whole_run(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """Over HTTP: the same bytes as an unsharded run, the same mix, stats that add up; nothing is asked or changed."""
    seeds = write_seeds(50)
    assert evol.run(seeds, "--generations", "2", "--out", "whole").returncode == 0
    names = shard(evol, seeds, "--generations", "2", count=4)
    before = read_tree(evol.folder / "shards")
    server.forget()
    collected = evol.call("collect", "output", *names)
    assert collected.returncode == 0, collected.stderr
    assert not server.seen
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "whole")
    assert read_tree(evol.folder / "shards") == before
    whole, joined = (orjson.loads((evol.folder / n / "manifest.json").read_bytes()) for n in ("whole", "output"))
    for key in ("seeds", "counts", "files", "fingerprint", "eliminator", "generations", "status", "shard"):
        assert joined[key] == whole[key], key
    assert {role: count["calls"] for role, count in joined["calls"].items()} == {
        role: count["calls"] for role, count in whole["calls"].items()
    }
    assert sorted(read_journaled_keys(evol.folder / "output")) == sorted(read_journaled_keys(evol.folder / "whole"))
    times = [float(str(record["time"])) for record in read_rows(evol.folder / "output" / "journal.jsonl")]
    assert times == sorted(times)
    [figures] = orjson.loads(evol.call("stats", "--json").stdout)
    assert (figures["adds_up"], figures["status"], figures["seeds"]) == (True, "done", 50)
    for target, runs in {"w.jsonl": ["whole"], "o.jsonl": ["output"], "s.jsonl": names}.items():
        assert evol.call("merge", "--out", target, *runs).returncode == 0
    mixes = {(evol.folder / name).read_bytes() for name in ("w.jsonl", "o.jsonl", "s.jsonl")}
    assert len(mixes) == 1


@pytest.mark.parametrize("count", [1, 2, 7])
def test_collected_scripted_shards_are_the_whole_run(tmp_path: Path, evol: Evol, count: int) -> None:
    """With the scripted double: eliminations, unread verdicts, own responses, odd texts; some shards have no seed."""

    def reply(request: CompletionRequest) -> Completion:
        text = reply_to(orjson.loads(request.body))
        draw = hashlib.sha256(request.body).digest()
        if request.role == "judge" and draw[1] < 60:
            text = "who knows"
        return Completion(text, "length" if draw[2] < 20 else "stop", *((-1, -1) if draw[3] < 20 else (5, 7)))

    seeds = make_seeds(9)
    seeds[3] |= {"response": "A response of its own.", "skill": "writing"}
    seeds[5] |= {"id": "ü/..\\\x01\u2028", "instruction": "List these:\n\n| a | b |\n|---|---|\n| 1 | 2 |"}
    assert make_run(tmp_path / "whole", seeds, reply, generations=3).exit_code == 0
    for index in range(1, count + 1):
        made = make_run(tmp_path / f"s{index}", seeds, reply, generations=3, shard=f"{index}/{count}")
        assert made.exit_code == 0
    collected = evol.call("collect", "out", *(f"s{index}" for index in range(1, count + 1)))
    assert collected.returncode == 0, collected.stderr
    assert read_outputs(tmp_path / "out") == read_outputs(tmp_path / "whole")
    assert (tmp_path / "out" / ".seeds.jsonl").read_bytes() == (tmp_path / "whole" / ".seeds.jsonl").read_bytes()


def test_a_collected_run_goes_on(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """The same command is a no-op on it; more generations and more seeds pay for what is new alone."""
    seeds = write_seeds(30)
    names = shard(evol, seeds, "--generations", "2")
    assert evol.call("collect", "output", *names).returncode == 0
    server.forget()
    again = evol.run(seeds, "--generations", "2")
    assert again.stdout.startswith("output: already complete"), again.stdout + again.stderr
    assert not server.seen
    paid = set(read_journaled_keys(evol.folder / "output"))
    seeds = write_seeds(35)
    assert evol.run(seeds, "--generations", "4").returncode == 0
    keys = read_journaled_keys(evol.folder / "output")
    assert len(keys) == len(set(keys)) == len(paid) + server.total
    assert paid < set(keys)
    assert evol.run(seeds, "--generations", "4", "--out", "whole").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "whole")
    refused = evol.call("collect", "output", *names)
    assert refused.returncode == 7
    assert "output: a run folder already" in refused.stderr


def test_ratings_of_shards_are_not_paid_again(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """What was rated in the shards is in the joined journal: scoring the joined run asks nobody."""
    names = shard(evol, write_seeds(9), "--generations", "1")
    for name in names:
        assert evol.call("score", name).returncode == 0
    assert evol.call("collect", "output", *names).returncode == 0
    server.forget()
    assert evol.call("score", "output").returncode == 0
    assert not server.seen


def test_collecting_twice_does_nothing(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """A clear sentence and exit 0, every byte as before; a damaged output is mended."""
    names = shard(evol, write_seeds(12), "--generations", "1")
    assert evol.call("collect", "output", *names).returncode == 0
    before = read_tree(evol.folder / "output")
    again = evol.call("collect", "output", *reversed(names))
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "output: already complete, nothing to do")
    assert read_tree(evol.folder / "output") == before
    (evol.folder / "output" / "generation-1.jsonl").write_bytes(b"")
    assert evol.call("collect", "output", *names).returncode == 0
    assert read_outputs(evol.folder / "output").items() <= before.items()


def test_grown_shards_bring_the_joined_run_up_to_date(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """More or fewer generations and seeds in all shards: collecting again replaces the run's files, and no others."""
    names = shard(evol, write_seeds(12), "--generations", "1")
    assert evol.call("collect", "output", *names).returncode == 0
    (evol.folder / "output" / "notes.txt").write_text("mine")
    for count, generations in ((20, "3"), (20, "2")):
        seeds = write_seeds(count)
        assert shard(evol, seeds, "--generations", generations) == names
        updated = evol.call("collect", "output", *names)
        assert updated.returncode == 0, updated.stderr
        assert "brought up to date" in updated.stderr
        assert evol.run(seeds, "--generations", generations, "--out", f"w{generations}").returncode == 0
        assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / f"w{generations}")
    assert (evol.folder / "output" / "notes.txt").read_text() == "mine"
    assert evol.call("score", "output").returncode == 0
    before = read_tree(evol.folder / "output")
    assert shard(evol, seeds, "--generations", "3") == names
    refused = evol.call("collect", "output", *names)
    assert refused.returncode == 7
    assert "has calls of its own" in refused.stderr
    assert read_tree(evol.folder / "output") == before


def test_calls_made_while_the_shards_are_joined_are_kept(
    evol: Evol, write_seeds: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that worked in the joined folder meanwhile and ended keeps what it paid: the update is refused."""
    names = shard(evol, write_seeds(12), "--generations", "1")
    assert evol.call("collect", "output", *names).returncode == 0
    assert shard(evol, write_seeds(12), "--generations", "2") == names
    out = evol.folder / "output"
    paid: list[bytes] = []

    def join(*arguments: Any) -> str:
        assert evol.call("score", "output").returncode == 0
        paid.append((out / "journal.jsonl").read_bytes())
        return join_seeds(*arguments)

    monkeypatch.setattr("evol.collect.join_seeds", join)
    with pytest.raises(FolderError, match="has calls of its own"):
        collect(out, [evol.folder / name for name in names], lambda text: None)
    assert (out / "journal.jsonl").read_bytes() == paid[0]
    assert not (evol.folder / ".output.collecting").exists()


@pytest.mark.parametrize(
    "kills", [pytest.param(6, id="quick"), pytest.param(40, marks=pytest.mark.slow, id="thorough")]
)
def test_kill_9_leaves_nothing_or_all(evol: Evol, write_seeds: Callable[..., Path], kills: int) -> None:
    """Killed at random moments, collect leaves no folder, or one that the same command finishes; shards stay."""
    seeds = write_seeds(250)
    assert evol.run(seeds, "--generations", "1", "--out", "early").returncode == 0
    names = shard(evol, seeds, "--generations", "1")
    early = evol.folder / "early-joined"
    assert evol.call("collect", str(early), *names).returncode == 0
    shard(evol, seeds, "--generations", "2")
    assert evol.run(seeds, "--generations", "2", "--out", "whole").returncode == 0
    shards, whole = read_tree(evol.folder / "shards"), read_outputs(evol.folder / "whole")
    started = time.monotonic()
    timed = start_collect(evol, "timed", *names)
    timed.communicate(timeout=60)
    assert timed.returncode == 0
    duration = time.monotonic() - started
    draw, absent, half = random.Random(kills), 0, 0
    for number in range(kills):
        out = evol.folder / f"out{number}"
        is_update = bool(number % 2)
        if is_update:
            shutil.copytree(early, out)
        process = start_collect(evol, out.name, *names)
        time.sleep(duration * draw.uniform(0.4, 1.05))
        process.kill()
        process.communicate()
        absent += not out.exists()
        if out.exists():
            manifest = orjson.loads((out / "manifest.json").read_bytes())
            half += manifest["status"] == "running"
            assert is_update or manifest["status"] == "done"
        finished = evol.call("collect", out.name, *names)
        assert finished.returncode == 0, finished.stderr
        assert read_outputs(out) == whole
        assert not list(evol.folder.glob(".*.collecting"))
        shutil.rmtree(out)
    assert absent + half
    assert read_tree(evol.folder / "shards") == shards


def test_an_update_that_was_killed_half_way_is_finished(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Between two renames the manifest says running, other commands refuse, and the same command finishes."""
    seeds = write_seeds(12)
    names = shard(evol, seeds, "--generations", "1")
    assert evol.call("collect", "output", *names).returncode == 0
    shard(evol, seeds, "--generations", "2")
    script = (
        "import os, sys\n"
        "from evol import collect\n"
        "real, done = os.replace, []\n"
        "def replace(source, target):\n"
        "    real(source, target)\n"
        "    done.append(str(target).endswith(('.jsonl')))\n"
        "    if sum(done) == int(os.environ['RENAMES']): os._exit(9)\n"
        "collect.os.replace = replace\n"
        "from evol.cli import main\n"
        "main()\n"
    )
    for renames in ("6", "7", "9", "11"):
        copy = f"copy{renames}"
        shutil.copytree(evol.folder / "output", evol.folder / copy)
        ended = subprocess.run(
            [sys.executable, "-c", script, "collect", copy, *names],
            cwd=evol.folder,
            env=evol.environment(RENAMES=renames),
            capture_output=True,
            check=False,
        )
        assert ended.returncode == 9, ended.stderr
        assert orjson.loads((evol.folder / copy / "manifest.json").read_bytes())["status"] == "running"
        assert evol.call("merge", copy).returncode == 7
        assert evol.call("collect", copy, *names).returncode == 0
        assert set(read_outputs(evol.folder / copy)) == {
            "eliminated.jsonl",
            *(f"generation-{n}.jsonl" for n in range(3)),
        }
    assert evol.run(seeds, "--generations", "2", "--out", "whole").returncode == 0
    assert read_outputs(evol.folder / "copy9") == read_outputs(evol.folder / "whole")


def test_a_full_disk_leaves_nothing(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Where the journal cannot be written: exit 2, one sentence, no folder."""
    names = shard(evol, write_seeds(40), "--generations", "1")

    def limit_file_size() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails with an error, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    full = subprocess.run(
        [sys.executable, "-m", "evol.cli", "collect", "output", *names],
        cwd=evol.folder,
        env=evol.environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_file_size,
    )
    assert full.returncode == 2, full.stderr
    assert full.stderr.count("\n") == 1
    assert "journal.jsonl: cannot write" in full.stderr
    assert not list(evol.folder.glob("*output*"))
    assert not list(evol.folder.glob(".*"))


def test_ctrl_c_leaves_nothing(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """An interrupted collect ends with 130, without a traceback, and tidies up."""
    names = shard(evol, write_seeds(300), "--generations", "2")
    workshop = evol.folder / ".output.collecting"
    for _ in range(20):
        process = start_collect(evol, "output", *names)
        while process.poll() is None and not (workshop / "journal.jsonl").exists():
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        if process.returncode:
            break
        shutil.rmtree(evol.folder / "output")  # it was done before the signal came
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert not workshop.exists()
    assert not (evol.folder / "output").exists()


def test_a_running_shard_is_waited_for(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """Exit 6 while a shard runs; a shard cannot begin while it is collected; nothing is made."""
    seeds = write_seeds(20)
    names = shard(evol, seeds, "--generations", "1", count=2)
    server.latency = lambda body: 0.1
    process = evol.start(seeds, "--generations", "2", "--shard", "1/2", "--out", "shards/1", "--concurrency", "2")
    server.forget()
    while not server.seen:
        time.sleep(0.01)
    refused = evol.call("collect", "output", *names)
    assert refused.returncode == 6
    assert "shards/1: in use by another evol process: wait until it ends" in refused.stderr
    assert not (evol.folder / "output").exists()
    process.kill()
    process.communicate()


def refuse(evol: Evol, code: int, said: str, *arguments: str) -> None:
    """Collect is refused with one sentence, and no file is made or changed."""
    before = read_tree(evol.folder)
    refused = evol.call("collect", *arguments)
    assert refused.returncode == code, refused.stderr
    sentences = refused.stderr.splitlines()
    assert len(sentences) == 1
    assert said in sentences[0]
    assert read_tree(evol.folder) == before
    assert not list(evol.folder.glob(".*"))


def test_shards_that_do_not_fit_are_refused(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Missing, doubled, foreign and unequal shards: each has a sentence that names folder, shard or setting."""
    seeds = write_seeds(12)
    a, b, c = sorted(shard(evol, seeds, "--generations", "1"))
    run = ("--generations", "1", "--out")
    evol.run(seeds, *run, "whole")
    evol.run(seeds, *run, "half", "--shard", "1/2")
    evol.run(seeds, *run, "random", "--shard", "3/3", "--random-seed", "5")
    evol.run(seeds, "--generations", "2", "--out", "deeper", "--shard", "3/3")
    evol.run(seeds, *run, "fewer", "--shard", "3/3", "--limit", "9")
    (evol.folder / "paper.toml").write_text('[eliminator]\nprofile = "paper"\njudge = "off"\n')
    evol.run(seeds, *run, "paper", "--shard", "3/3", "--config", "paper.toml")
    shutil.copytree(evol.folder / c, evol.folder / "copy")
    (evol.folder / "empty").mkdir()
    refuse(evol, 2, "shard 3/3 of shards/1's run: missing", "out", a, b)
    refuse(evol, 2, "shards 1/3, 2/3 of shards/3's run: missing", "out", c)
    refuse(evol, 2, "shards/2: named twice", "out", a, b, b, c)
    refuse(evol, 2, "copy: both are shard 3/3", "out", a, b, c, "copy")
    refuse(evol, 7, "whole: not a shard", "out", a, b, "whole")
    refuse(evol, 7, "empty: not the folder of a run", "out", a, b, c, "empty")
    refuse(evol, 7, "nowhere: not the folder of a run", "out", a, b, "nowhere")
    refuse(evol, 7, "is shard 1/2", "out", a, b, "half")
    refuse(evol, 7, "random_seed is 0 in the first, 5 in the second", "out", a, b, "random")
    refuse(evol, 7, "generations is 1 in the first, 2 in the second", "out", a, b, "deeper")
    refuse(evol, 7, "eliminator.judge is 'in-depth' in the first, 'off' in the second", "out", a, b, "paper")
    refuse(evol, 7, "eliminator.profile is 'strict'", "out", a, b, "paper")
    refuse(evol, 7, "made from different seeds (12 and 9 in the whole list)", "out", a, b, "fewer")


def test_a_place_that_is_taken_is_not_overwritten(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """A run, a shard, a file or a folder of something else stands in the way; an empty folder does not."""
    seeds = write_seeds(8)
    names = shard(evol, seeds, "--generations", "0", count=2)
    evol.run(seeds, "--generations", "0", "--out", "whole")
    (evol.folder / "file").write_text("mine")
    (evol.folder / "mine").mkdir()
    (evol.folder / "mine" / "notes.txt").write_text("mine")
    refuse(evol, 7, "whole: a run folder already", "whole", *names)
    refuse(evol, 7, "shards/1: is itself shard 1/2: name the folder to be made first", "shards/1", *names)
    refuse(evol, 7, "file: a file, not a folder", "file", *names)
    refuse(evol, 7, "mine: exists, and is no folder of a run", "mine", *names)
    refuse(evol, 2, "/proc/out: cannot write", "/proc/out", *names)
    (evol.folder / "empty").mkdir()
    assert evol.call("collect", "empty", *names).returncode == 0
    assert evol.call("collect", "new/deep/er", *names).returncode == 0
    other = [f"other{index}" for index in (1, 2)]
    for index, name in enumerate(other, 1):
        evol.run(write_seeds(8, "t.jsonl", "t"), "--generations", "0", "--shard", f"{index}/2", "--out", name)
    refuse(evol, 7, "empty: was joined from other shards", "empty", *other)


def test_damaged_shards_are_named(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """A journal or seeds file that is not what was written: exit 7 with file and line, and nothing is made."""
    names = shard(evol, write_seeds(12), "--generations", "1", count=2)
    good = evol.folder / "good"
    shutil.copytree(evol.folder / "shards", good)

    def damage(name: str, change: Callable[[bytes], bytes], said: str) -> None:
        path = evol.folder / "shards" / "2" / name
        path.write_bytes(change(path.read_bytes()))
        refuse(evol, 7, said, "out", *names)
        shutil.copy(good / "2" / name, path)

    damage("journal.jsonl", lambda content: content.replace(b'"reply":"', b'"reply":"x', 1), "journal.jsonl:")
    damage(".seeds.jsonl", lambda content: content.replace(b"Describe", b"describe", 1), ".seeds.jsonl: not what")
    damage(".seeds.jsonl", lambda content: content + content.splitlines(keepends=True)[0], ".seeds.jsonl: not what")
    damage("manifest.json", lambda content: content[:-3], "manifest.json: damaged")

    def move(content: bytes) -> bytes:
        manifest = orjson.loads(content)
        manifest["shard"]["positions"] = orjson.loads((good / "1" / "manifest.json").read_bytes())["shard"]["positions"]
        return orjson.dumps(manifest)

    damage("manifest.json", move, "overlap")
    damage("manifest.json", lambda content: content.replace(b'"positions": "', b'"positions": "!'), "damaged positions")
    (evol.folder / "shards" / "2" / "journal.jsonl").unlink()
    refuse(evol, 7, "journal.jsonl: No such file", "out", *names)


def test_a_shard_with_failed_lineages_is_taken(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """Exit 3 and a notice; `evol run` on the joined folder tries these lineages again and pays for nothing else."""
    seeds = write_seeds(20)
    server.fault = lambda body, seen: (400, {}, b"{}") if "item 7 of" in body["messages"][-1]["content"] else None
    names = [f"s{index}" for index in (1, 2)]
    codes = {evol.run(seeds, "--generations", "1", "--shard", f"{n[1]}/2", "--out", n).returncode for n in names}
    assert codes == {0, 3}
    collected = evol.call("collect", "output", *names)
    assert collected.returncode == 3, collected.stderr
    assert "1 of " in collected.stderr
    assert "lineages are unfinished" in collected.stderr
    assert "unfinished: seed s7 from generation 0 on" in collected.stderr
    assert evol.call("collect", "output", *names).returncode == 3
    assert evol.call("merge").returncode == 2
    server.fault = lambda body, seen: None
    server.forget()
    assert evol.run(seeds, "--generations", "1").returncode == 0
    assert 0 < server.total <= 4
    assert evol.run(seeds, "--generations", "1", "--out", "whole").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "whole")


def test_a_shard_that_stopped_early_is_taken_on_request_only(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """Budget, Ctrl-C and kill: exit 2 with what is missing; --allow-unfinished joins what there is, and it goes on."""
    seeds = write_seeds(24)
    run = ("--generations", "1", "--concurrency", "2")
    evol.run(seeds, *run, "--shard", "1/3", "--out", "s1", "--max-calls", "8")
    server.latency = lambda body: 0.05
    for name, how in {"s2": signal.SIGINT, "s3": signal.SIGKILL}.items():
        server.forget()
        process = evol.start(seeds, *run, "--shard", f"{name[1]}/3", "--out", name)
        while server.total < 8:
            time.sleep(0.01)
        process.send_signal(how)
        process.communicate(timeout=30)
    server.latency = lambda body: 0.0
    server.wait_until_idle()
    with (evol.folder / "s3" / "journal.jsonl").open("ab") as file:
        file.write(b'{"kind":"call","key":"torn')
    torn = (evol.folder / "s3" / "journal.jsonl").read_bytes()
    refuse(evol, 2, "lineages are unfinished (budget): run the same `evol run` again", "output", "s1", "s2", "s3")
    collected = evol.call("collect", "output", "s1", "s2", "s3", "--allow-unfinished")
    assert collected.returncode == 3, collected.stderr
    for said in ("(budget)", "(interrupted)", "s3: shard 3/3 was killed", "last line is torn"):
        assert said in collected.stderr
    assert (evol.folder / "s3" / "journal.jsonl").read_bytes() == torn
    paid = set(read_journaled_keys(evol.folder / "output"))
    server.forget()
    for name in ("s1", "s2", "s3"):
        assert evol.run(seeds, *run, "--shard", f"{name[1]}/3", "--out", name, "--max-calls", "900").returncode == 0
    assert evol.call("collect", "output", "s1", "s2", "s3").returncode == 0
    keys = read_journaled_keys(evol.folder / "output")
    assert paid < set(keys)
    assert len(keys) == len(set(keys))
    assert evol.run(seeds, *run, "--out", "whole").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "whole")


def test_budgets_and_estimates_add_up(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """The joined run may cost what its shards together might, and expects what they expected; hosts may differ."""
    seeds = write_seeds(12)
    for index, limit in ((1, "100"), (2, "50")):
        flags = ["--max-calls", limit, "--rpm", "9000", "--concurrency", str(index)]
        evol.run(seeds, "--generations", "1", "--shard", f"{index}/2", "--out", f"s{index}", *flags)
    assert evol.call("collect", "output", "s1", "s2").returncode == 0
    one, two, joined = (
        orjson.loads((evol.folder / name / "manifest.json").read_bytes()) for name in ("s1", "s2", "output")
    )
    assert joined["settings"]["limits"]["max_calls"] == 150
    assert joined["settings"]["limits"]["rpm"] == 18000
    assert joined["settings"]["limits"]["max_cost"] is None
    assert joined["settings"]["shard"] == ""
    assert joined["estimate"]["calls"] == one["estimate"]["calls"] + two["estimate"]["calls"]
    assert KEY.encode() not in b"".join(read_tree(evol.folder).values())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak RSS from /proc")
def test_memory_stays_bounded_with_large_records(tmp_path: Path, evol: Evol) -> None:
    """Journals of 160 MB, a megabyte a record, are joined in less than half of that."""
    for index in (1, 2):
        made = make_run(
            tmp_path / f"s{index}",
            make_seeds(160),
            lambda request: request.seed_id * (1_000_000 // len(request.seed_id)),
            generations=0,
            shard=f"{index}/2",
        )
        assert made.exit_code == 0
    script = (
        "import re\nfrom pathlib import Path\nfrom evol.collect import collect\n"
        "collect(Path('out'), [Path('s1'), Path('s2')], print)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=evol.environment(), capture_output=True, text=True, check=True
    )
    assert sum((tmp_path / name / "journal.jsonl").stat().st_size for name in ("s1", "s2")) > 160e6
    assert int(ran.stdout.split()[-1]) < 80_000
    assert (tmp_path / "out" / "generation-0.jsonl").stat().st_size > 160e6
