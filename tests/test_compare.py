from __future__ import annotations

import itertools
import random
import re
import subprocess
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import Evol, read_rows
from evol.draws import draw_fraction
from evol.evaluation.figures import Protocol, choose_orders, tally
from evol.evaluation.figures import settle as settle_question
from evol.evaluation.records import Order, Verdict
from fake_server import FakeServer, last_message
from simulated_judge import make_judge, read_material, read_quality, write_rivals, write_rows

COLUMNS = [
    "id", "a", "b", "order", "winner", "score_a", "score_b", "reason", "asks", "skill", "difficulty", "judge_model"
]  # fmt: skip
SKILLS = ["Math", "Roleplay", "Code Debug"]


def compare(evol: Evol, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """`evol compare` at the fake endpoint."""
    return evol.call("compare", *words, "--model", "j", "--base-url", evol.url)


def compare_json(evol: Evol, *words: str | Path) -> dict[str, Any]:
    """What `evol compare --json` prints."""
    done = compare(evol, *words, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


def settle(readings: list[dict[str, Any]]) -> str:
    """An independent reading of the rule: a win counts only when all readings agree."""
    if any(verdict["winner"] == "unreadable" for verdict in readings):
        return "unreadable"
    winners = {verdict["winner"] for verdict in readings}
    return {"a": "wins", "b": "losses", "tie": "ties"}[winners.pop()] if len(winners) == 1 else "ties"


def recount(path: Path) -> dict[tuple[str, str], dict[str, dict[str, list[tuple[str, float, float]]]]]:
    """From the verdicts alone, by pair, kind of group and group: (result, score A, score B) of each question."""
    by_question: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in read_rows(path):
        by_question[str(row["a"]), str(row["b"]), str(row["id"])].append(dict(row))
    found: Any = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for (a, b, _), readings in by_question.items():
        scores = [sum(row[key] for row in readings) / len(readings) for key in ("score_a", "score_b")]
        entry = (settle(readings), *scores)
        difficulty = readings[0]["difficulty"]
        band = "1-4" if difficulty <= 4 else "5-7" if difficulty <= 7 else "8-10"
        for group, name in (("all", ""), ("skill", readings[0]["skill"]), ("difficulty", band)):
            found[a, b][group][name].append(entry)
    result: dict[tuple[str, str], dict[str, dict[str, list[tuple[str, float, float]]]]] = found
    return result


def check_tally(tally: dict[str, Any], entries: list[tuple[str, float, float]]) -> None:
    """A tally against an independent count, its intervals against an independent bootstrap."""
    counts = {name: sum(result == name for result, _, _ in entries) for name in ("wins", "ties", "losses")}
    assert {name: tally[name] for name in counts} == counts
    assert tally["questions"] == len(entries)
    score_a, score_b = sum(entry[1] for entry in entries), sum(entry[2] for entry in entries)
    assert tally["score_a"] == pytest.approx(score_a)
    assert tally["capacity"]["value"] == pytest.approx(score_a / score_b)
    assert tally["win_rate"]["value"] == pytest.approx((counts["wins"] + counts["ties"] / 2) / len(entries))
    decided = counts["wins"] + counts["losses"]
    assert tally["decided_win_rate"]["value"] == pytest.approx(counts["wins"] / decided)
    if len(entries) < 50:
        return
    stream = random.Random(5)
    samples: dict[str, list[float]] = {"win_rate": [], "capacity": []}
    for _ in range(1000):
        drawn = stream.choices(entries, k=len(entries))
        points = sum({"wins": 1.0, "ties": 0.5, "losses": 0.0}[result] for result, _, _ in drawn)
        samples["win_rate"].append(points / len(drawn))
        samples["capacity"].append(sum(entry[1] for entry in drawn) / sum(entry[2] for entry in drawn))
    for name, sample in samples.items():
        ordered = sorted(sample)
        spread = ordered[975] - ordered[25]
        assert tally[name]["low"] == pytest.approx(ordered[25], abs=spread / 8)
        assert tally[name]["high"] == pytest.approx(ordered[975], abs=spread / 8)


def test_both_orders_recover_the_true_win_rate_and_one_order_does_not(evol: Evol, server: FakeServer) -> None:
    """A judge that names whoever stands first in 40 % of its readings; A is truly better in 70 % of 600 questions."""
    better = sorted(range(600), key=lambda n: draw_fraction(7, n))[:420]
    paths = write_rivals(evol.folder, {"a": [8.0 if n in better else 4.0 for n in range(600)], "b": [6.0] * 600})
    server.reply = make_judge(bias=0.4, seed=3)
    both = compare_json(evol, *paths, "--out", "both.jsonl")["pairs"][0]
    alternate = compare_json(evol, *paths, "--out", "alternate.jsonl", "--order", "alternate")["pairs"][0]
    found = both["overall"]["decided_win_rate"]
    assert found["low"] < 0.7 < found["high"]
    assert found["high"] - found["low"] < 0.1
    for name in ("win_rate", "decided_win_rate"):
        one = alternate["overall"][name]
        assert not one["low"] < 0.7 < one["high"]
        assert one["value"] == pytest.approx(0.6 * 0.7 + 0.4 * 0.5, abs=0.04)  # pulled to a half
    # the bias itself: a reading is given away in 40 % of the cases, and flips the question where it hits the loser
    assert both["bias"]["rate"] == pytest.approx(0.4, abs=0.05)
    assert (both["bias"]["for_second"], both["bias"]["read_both_ways"]) == (0, 600)
    assert both["overall"]["ties"] == both["bias"]["for_first"]
    assert alternate["bias"]["rate"] is None
    assert alternate["bias"]["first_wins"] / 600 == pytest.approx(0.4 + 0.6 * 0.5, abs=0.05)


def draw_verdict(question: str, order: Order, seed: int, is_better: bool) -> Verdict:
    """A reading by a judge who names whoever stands first in 40 % of them, and else the better one."""
    is_given_away = draw_fraction(seed, "bias", question, order) < 0.4
    wins = order == "ab" if is_given_away else is_better
    scores = (9.0, 4.0) if wins else (4.0, 9.0)
    return Verdict(
        id=question, a="a", b="b", order=order, winner="a" if wins else "b", score_a=scores[0], score_b=scores[1],
        reason="", asks=1, skill="", difficulty=0, judge_model="j",
    )  # fmt: skip


def test_intervals_hold_the_true_rate_as_often_as_they_say() -> None:
    """Over 20 such judges, the interval of both orders holds the true 70 % nearly always, that of one order seldom."""
    held = {"both": 0, "alternate": 0}
    for seed in range(20):
        protocols: tuple[Protocol, ...] = ("both", "alternate")
        for protocol in protocols:
            settled = []
            for number in range(400):
                question = str(number)
                orders = choose_orders(question, protocol)
                is_better = number % 10 < 7
                readings = {order: draw_verdict(question, order, seed, is_better) for order in orders}
                settled.append(settle_question(readings, orders))
            found = tally(settled, seed).decided_win_rate
            assert found is not None
            held[protocol] += found.low < 0.7 < found.high
    assert held["both"] >= 18
    assert held["alternate"] <= 5


def test_an_unbiased_judge_gives_the_exact_rate(evol: Evol, server: FakeServer) -> None:
    """Without bias both protocols count what is true, and nothing flips."""
    paths = write_rivals(evol.folder, {"a": [8.0] * 33 + [5.0] * 7 + [2.0] * 10, "b": [5.0] * 50})
    server.reply = make_judge()
    for order in ("both", "alternate"):
        pair = compare_json(evol, *paths, "--order", order, "--out", f"{order}.jsonl")["pairs"][0]
        overall = pair["overall"]
        assert (overall["wins"], overall["ties"], overall["losses"]) == (33, 7, 10)
        assert overall["capacity"]["value"] == pytest.approx((33 * 8 + 7 * 5 + 10 * 2) / 250)
        assert pair["bias"]["rate"] == (0 if order == "both" else None)


def test_figures_are_those_of_an_independent_count(evol: Evol, server: FakeServer) -> None:
    """Counts, rates, capacity and intervals, overall, by skill and by difficulty band, from the verdict file alone."""
    count = 90
    qualities = {
        name: [1 + round(8 * draw_fraction(1, name, n)) + shift for n in range(count)]
        for name, shift in (("x", 1.0), ("y", 0.0), ("z", 0.5))
    }
    paths = write_rivals(
        evol.folder,
        qualities,
        skill=[SKILLS[n % 3] for n in range(count)],
        difficulty=[1 + n % 10 for n in range(count)],
    )
    server.reply = make_judge(bias=0.2)
    found = compare_json(evol, *paths)
    rows = read_rows(evol.folder / "verdicts.jsonl")
    assert len(rows) == 3 * 2 * count
    for row in rows:
        assert list(row) == COLUMNS
        assert None not in row.values()
    recounted = recount(evol.folder / "verdicts.jsonl")
    assert {(pair["a"], pair["b"]) for pair in found["pairs"]} == set(itertools.combinations("xyz", 2))
    for pair in found["pairs"]:
        groups = recounted[pair["a"], pair["b"]]
        check_tally(pair["overall"], groups["all"][""])
        assert pair["by_skill"].keys() == set(SKILLS)
        assert list(pair["by_difficulty"]) == ["1-4", "5-7", "8-10"]
        for key, group in (("by_skill", "skill"), ("by_difficulty", "difficulty")):
            for name, found_tally in pair[key].items():
                check_tally(found_tally, groups[group][name])
    # ratings: expected points at the ratings equal the points won (ties half, one virtual tie a pair)
    ratings = {one["name"]: one["rating"]["value"] for one in found["ratings"]}
    assert sum(ratings.values()) == pytest.approx(3000)
    for name, rating in ratings.items():
        won = expected = 0.0
        for a, b in itertools.combinations("xyz", 2):
            if name in (a, b):
                entries = [result for result, _, _ in recounted[a, b]["all"][""]]
                mine = entries.count("wins" if name == a else "losses") + entries.count("ties") / 2
                won += mine + 0.5
                other = ratings[b if name == a else a]
                expected += (len(entries) + 1) / (1 + 10 ** ((other - rating) / 400))
        assert expected == pytest.approx(won, abs=1e-3)
    assert [one["rating"]["value"] for one in found["ratings"]] == sorted(ratings.values(), reverse=True)
    for one in found["ratings"]:
        assert one["rating"]["low"] < one["rating"]["value"] < one["rating"]["high"]


def test_every_question_is_somewhere(evol: Evol, server: FakeServer) -> None:
    """Wins + ties + losses + unreadable + unfinished = questions, with failures and unreadable verdicts among them."""
    (evol.folder / "c.toml").write_text("[limits]\nretry_for = 0.3\n")
    paths = write_rivals(evol.folder, {"a": [5.0] * 30, "b": [4.0] * 30}, skill=["s"] * 30)
    judge = make_judge()

    def reply(body: dict[str, Any]) -> str:
        return "I'd rather not say." if re.search(r"Task \d?7\.", last_message(body)) else judge(body)

    server.reply = reply
    server.fault = lambda body, n: (500, {}, b"no") if "Task 11." in last_message(body) else None
    done = compare(evol, *paths, "--config", "c.toml", "--json")
    assert done.returncode == 3, done.stderr
    found = orjson.loads(done.stdout)
    overall = found["pairs"][0]["overall"]
    assert (overall["wins"], overall["ties"], overall["losses"]) == (26, 0, 0)
    assert (overall["unreadable"], overall["unfinished"], overall["questions"]) == (3, 1, 30)
    by_skill = found["pairs"][0]["by_skill"]["s"]
    assert {key: by_skill[key] for key in _COUNTS} == {key: overall[key] for key in _COUNTS}
    assert found["pairs"][0]["unreadable_verdicts"] == found["pairs"][0]["reasked"] == 6
    unread = [row for row in read_rows(evol.folder / "verdicts.jsonl") if row["winner"] == "unreadable"]
    assert {(row["asks"], row["score_a"], row["reason"]) for row in unread} == {(2, 0.0, "I'd rather not say.")}
    shown = compare(evol, *paths, "--config", "c.toml")
    assert "not read" in shown.stdout
    assert "missing" in shown.stdout
    assert "2 of 60 are missing; the same command again asks for them" in shown.stderr


_COUNTS = ("questions", "wins", "ties", "losses", "unreadable", "unfinished", "score_a", "score_b")


def test_an_unreadable_verdict_is_asked_for_once_more(evol: Evol, server: FakeServer) -> None:
    """The second ask repeats the form; a readable second verdict counts."""
    paths = write_rivals(evol.folder, {"a": [5.0] * 4, "b": [4.0] * 4})
    judge = make_judge()
    server.reply = lambda body: judge(body) if "could not be read" in last_message(body) else "Both are good."
    found = compare_json(evol, *paths)
    assert found["pairs"][0]["overall"]["wins"] == 4
    assert found["pairs"][0]["reasked"] == 8
    assert server.total == 16


def test_a_judge_that_is_never_readable_is_told_early(evol: Evol, server: FakeServer) -> None:
    """After 20 unreadable verdicts nothing more is paid; exit 5 with one sentence, all replies kept."""
    paths = write_rivals(evol.folder, {"a": [5.0] * 200, "b": [4.0] * 200})
    server.reply = lambda body: "Both are good."
    stopped = compare(evol, *paths, "--concurrency", "4")
    assert stopped.returncode == 5
    assert "j gave no readable verdict: 20 of 20" in stopped.stderr
    assert server.total < 60
    rows = read_rows(evol.folder / "verdicts.jsonl")
    assert len(rows) >= 20
    assert {row["reason"] for row in rows} == {"Both are good."}
    few = write_rivals(evol.folder, {"c": [5.0] * 3, "d": [4.0] * 3})
    told = compare(evol, *few, "--out", "few.jsonl")
    assert told.returncode == 5
    assert "6 of 6 had no two scores" in told.stderr
    assert len(read_rows(evol.folder / "few.jsonl")) == 6


def test_a_third_file_costs_only_its_own_pairs(evol: Evol, server: FakeServer) -> None:
    """Verdicts are kept by what was asked: more files, fewer files and another order of files ask nothing again."""
    paths = write_rivals(evol.folder, {"a": [5.0] * 10, "b": [4.0] * 10, "c": [4.5] * 10})
    server.reply = make_judge()
    compare_json(evol, *paths[:2])
    assert server.total == 20
    compare_json(evol, *paths)
    assert server.total == 60
    assert set(server.seen.values()) == {1}
    server.forget()
    again = compare(evol, paths[1], paths[0])
    assert "nobody was asked" in again.stderr
    flipped = orjson.loads(compare(evol, paths[1], paths[0], "--json").stdout)["pairs"][0]
    assert (flipped["a"], flipped["overall"]["losses"]) == ("b", 10)
    assert not server.seen


def test_what_the_judge_reads(evol: Evol, server: FakeServer) -> None:
    """Each pair is read in both orders; alternate reads odd ids one way and even ids the other; temperature 0."""
    paths = write_rivals(evol.folder, {"a": [5.0] * 4, "b": [4.0] * 4})
    server.reply = make_judge()
    compare_json(evol, *paths, "--order", "alternate")
    firsts = {}
    for raw in server.seen:
        body = orjson.loads(raw)
        assert (body["temperature"], body["max_tokens"], body["model"]) == (0, 1024, "j")
        instruction, first, _ = read_material(body)
        firsts[instruction] = first[0]
    assert firsts == {"Task 0.": "b", "Task 1.": "a", "Task 2.": "b", "Task 3.": "a"}
    server.forget()
    compare_json(evol, *paths)
    assert server.total == 4  # the other orders; the first ones stand in the journal


def test_files_are_matched_by_id(evol: Evol, server: FakeServer) -> None:
    """Questions that only one file has are counted, named and left out; empty responses are judged and counted."""
    rows = [{"id": n, "instruction": f"Task {n}.", "response": f"quality {n}"} for n in range(6)]
    a = write_rows(evol.folder / "a.jsonl", rows)
    b = write_rows(evol.folder / "b.jsonl", [{**row, "response": ""} for row in rows[2:]][::-1])
    server.reply = make_judge()
    done = compare(evol, a, b)
    assert done.returncode == 0, done.stderr
    assert "2 of 6 questions are not in every file and are left out (0, 1)" in done.stderr
    assert "4 responses are empty and stand as such (5, 4, 3, 2)" not in done.stderr
    assert "4 responses are empty and stand as such (2, 3, 4, 5)" in done.stderr
    found = compare_json(evol, a, b)
    assert (found["questions"], found["left_out"], found["empty_responses"]) == (4, {"a": 2}, {"b": 4})
    assert found["pairs"][0]["overall"]["wins"] == 4
    assert [row["id"] for row in read_rows(evol.folder / "verdicts.jsonl")][::2] == ["2", "3", "4", "5"]


def write_pair(folder: Path, *, a: Any = None, b: Any = None) -> list[Path]:
    """Two files of one row each, changed by what is given."""
    row = {"id": "1", "instruction": "Task.", "response": "x"}
    return [write_rows(folder / f"{name}.jsonl", [row | (more or {})]) for name, more in (("a", a), ("b", b))]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"instruction": "Another task."}, "b.jsonl:1: the id '1' stands for another instruction than at "),
        ({"id": "2"}, "no id is in all of "),
        ({"response": 5}, "b.jsonl:1: response is int, not a string"),
        ({"difficulty": 0.5}, "b.jsonl:1: difficulty is '0.5', not a number from 1 to 10"),
    ],
)
def test_files_that_do_not_match_are_refused(evol: Evol, server: FakeServer, change: Any, told: str) -> None:
    """One sentence with file and line, exit 2, before anything is asked or written."""
    refused = compare(evol, *write_pair(evol.folder, b=change))
    assert refused.returncode == 2
    assert told in refused.stderr
    assert not server.headers
    assert {path.name for path in evol.folder.iterdir()} == {"a.jsonl", "b.jsonl"}


def test_wrong_usage_is_told_in_one_sentence(evol: Evol, server: FakeServer) -> None:
    """One file, a file twice, an unknown order, no judge, a doubled id, no response, a page in the way: exit 2."""
    a, b = write_pair(evol.folder)
    doubled = evol.folder / "doubled.jsonl"
    doubled.write_bytes(a.read_bytes() * 2)
    bare = write_rows(evol.folder / "bare.jsonl", [{"id": "1", "instruction": "Task."}])
    (evol.folder / "mine.html").write_text("<p>mine</p>")
    for words, told in (
        ((a,), "one response file has nothing to be compared with"),
        ((a, a), "a response file is named twice"),
        ((a, b, "--order", "random"), "no order 'random': known are both, alternate"),
        ((a, doubled), "doubled.jsonl:2: the id '1' was used before, on line 1"),
        ((a, bare), "bare.jsonl:1: no response"),
        ((a, b, "--html", "mine.html"), "mine.html: not written by `evol compare`"),
        ((a, b, "--html", "no/x.html"), "no/x.html: no such folder"),
        ((a, b, "--out", "x.json"), "x.json: rows go to a .jsonl file"),
        ((a, evol.folder / "none.jsonl"), "none.jsonl: no such file"),
    ):
        refused = compare(evol, *words)
        assert refused.returncode == 2, words
        assert told in refused.stderr
    silent = evol.call("compare", a, b)
    assert (silent.returncode, "the embedded model cannot judge" in silent.stderr) == (2, True)
    assert (evol.folder / "mine.html").read_text() == "<p>mine</p>"
    assert not server.headers


def test_the_table_says_what_was_found(evol: Evol, server: FakeServer) -> None:
    """Wins, ties, losses, rates with intervals, capacity, by skill and difficulty, ratings and bias, on stdout."""
    paths = write_rivals(
        evol.folder, {"mine": [8.0] * 20, "base": [6.0] * 20, "old": [4.0] * 20}, skill=["Math"] * 20,
        difficulty=[9] * 20,
    )  # fmt: skip
    server.reply = make_judge()
    shown = compare(evol, *paths).stdout
    for told in (
        "judged by j (both orders)", "100.0 % (100-100)", "133.3 % (133-133)", "Bradley-Terry", "by difficulty",
        "8-10", "by skill", "Math", "position bias 0.0%", "verdicts: verdicts.jsonl; calls: 120 (120 requests)",
    ):  # fmt: skip
        assert told in shown
    ratings = shown.split("Bradley-Terry")[1].split("by difficulty")[0]
    assert ratings.index("mine") < ratings.index("base") < ratings.index("old")


def list_tags(page: str) -> list[tuple[str, list[str]]]:
    """Every tag of a page as a browser sees it, with the names of its attributes."""
    found: list[tuple[str, list[str]]] = []

    class Walker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, [name for name, _ in attrs]))

    Walker().feed(page)
    return found


HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)"></p>\x1b[31m\u202e{{x}}'


def test_hostile_text_stays_text_on_the_page(evol: Evol, server: FakeServer) -> None:
    """Names, instructions, responses, skills and reasons are escaped; the policy allows the page's own code alone."""
    row = {"id": HOSTILE[:60], "instruction": HOSTILE, "response": HOSTILE, "skill": HOSTILE, "difficulty": 5}
    paths = [
        write_rows(evol.folder / f"{name}.jsonl", [{**row, "response": f"{name} {HOSTILE}"}])
        for name in ("<b>a", "b&c")
    ]
    server.reply = lambda body: f"{HOSTILE}\nSCORES: 7 6"
    done = compare(evol, *paths, "--html", "page.html")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    page = (evol.folder / "page.html").read_text()
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "<b>a" not in page
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src &#x27;none&#x27;" in policy
    assert "unsafe" not in policy
    assert page.count("sha256-") == 2
    tags = list_tags(page)
    assert [name for name, _ in tags if name in ("script", "img", "link", "iframe", "base")] == ["script"]
    assert not [pair for pair in tags if [key for key in pair[1] if key in ("style", "src", "href") or key[:2] == "on"]]
    assert compare(evol, *paths, "--html", "page.html").returncode == 0  # its own page may be replaced


def test_dry_run_shows_prompt_calls_and_price(evol: Evol, server: FakeServer) -> None:
    """--dry-run counts every reading of every pair; nothing is sent or written."""
    paths = write_rivals(evol.folder, {"a": [5.0] * 7, "b": [4.0] * 7, "c": [4.0] * 7})
    shown = compare(evol, *paths, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "j: 42 calls" in shown.stdout
    assert "a gives quality 5 to task 0." in shown.stdout
    assert "21 calls" in compare(evol, *paths, "--dry-run", "--order", "alternate").stdout
    assert not server.headers
    assert {path.suffix for path in evol.folder.iterdir()} == {".jsonl"}
    assert len(list(evol.folder.iterdir())) == 3


def test_the_simulated_judge_knows_quality() -> None:
    """The double reads what the made-up responses say."""
    assert (read_quality("a gives quality 7.5 to it"), read_quality("")) == (7.5, 1.0)
