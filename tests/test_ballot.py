from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import Evol
from evol.evaluation.ballot import CRITERIA
from simulated_judge import write_rivals, write_rows

NAMES = ["zmine", "zbase", "zold"]


@pytest.fixture
def rivals(evol: Evol) -> list[Path]:
    """Three response files of twenty questions."""
    rows = {
        name: [
            {"id": f"q{n}", "instruction": f"Task {n}.", "response": f"Text {place} of task {n}."} for n in range(20)
        ]
        for place, name in enumerate(NAMES)
    }
    return [write_rows(evol.folder / f"{name}.jsonl", found) for name, found in rows.items()]


def read_page(path: Path) -> dict[str, Any]:
    """The data block of a ballot page."""
    [block] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    found: dict[str, Any] = json.loads(block)
    return found


def read_key(path: Path) -> dict[str, Any]:
    """A key file."""
    found: dict[str, Any] = orjson.loads(path.read_bytes())
    return found


def fill_in(folder: Path, name: str, by_file: dict[str, dict[str, int]], **changes: Any) -> Path:
    """A ballot as the page would save it, from ranks by question and file name."""
    key = read_key(folder / "ballot.key.json")
    shuffled = {
        question["id"]: [by_file[question["id"]][key["names"][place]] for place in question["order"]]
        for question in key["questions"]
        if question["id"] in by_file
    }
    content = {"format": 1, "ballot": key["ballot"], "annotator": name, "ranks": shuffled} | changes
    path = folder / f"{name}.json"
    path.write_bytes(orjson.dumps(content))
    return path


def test_the_page_is_blind_and_the_key_opens_it(evol: Evol, rivals: list[Path]) -> None:
    """The page holds every response and no name; the key alone tells which stood where; places are drawn evenly."""
    done = evol.call("ballot", *rivals)
    assert done.returncode == 0, done.stderr
    page = (evol.folder / "ballot.html").read_text()
    assert not [name for name in (*NAMES, ".jsonl", "key.json") if name in page]
    for name, text in CRITERIA:
        assert name in page
        assert text in page
    data, key = read_page(evol.folder / "ballot.html"), read_key(evol.folder / "ballot.key.json")
    assert data["ballot"] == key["ballot"]
    assert len(data["questions"]) == 20
    for question, places in zip(data["questions"], key["questions"], strict=True):
        assert question["id"] == places["id"]
        number = question["id"][1:]
        assert question["responses"] == [f"Text {place} of task {number}." for place in places["order"]]
    orders = Counter(tuple(places["order"]) for places in key["questions"])
    assert len(orders) >= 4
    assert "the key, for you alone; next: evol ballot count ballot-*.json --key ballot.key.json" in done.stdout


def test_places_depend_on_the_seed_alone(evol: Evol, rivals: list[Path]) -> None:
    """The same files and seed give the same bytes; another seed gives other places."""
    for out, seed in (("x.html", "3"), ("y.html", "3"), ("z.html", "4")):
        assert evol.call("ballot", *rivals, "--out", out, "--random-seed", seed).returncode == 0
    keys = [(evol.folder / f"{name}.key.json").read_bytes() for name in "xyz"]
    assert keys[0] == keys[1] != keys[2]
    assert (evol.folder / "x.html").read_bytes() == (evol.folder / "y.html").read_bytes()
    before = (evol.folder / "x.html").read_bytes()
    assert evol.call("ballot", *rivals, "--out", "x.html", "--random-seed", "3").returncode == 0
    assert (evol.folder / "x.html").read_bytes() == before


def test_a_sample_is_drawn(evol: Evol, rivals: list[Path]) -> None:
    """--sample N puts N of the questions on the page, in the order of the file."""
    assert evol.call("ballot", *rivals, "--sample", "5").returncode == 0
    ids = [question["id"] for question in read_page(evol.folder / "ballot.html")["questions"]]
    assert len(ids) == 5
    assert ids == sorted(ids, key=lambda found: int(found[1:]))
    assert ids != [f"q{n}" for n in range(5)]


def test_a_key_is_never_lost(evol: Evol, rivals: list[Path]) -> None:
    """Another ballot at the same place would orphan what was filled in: exit 2, page and key stay."""
    assert evol.call("ballot", *rivals).returncode == 0
    before = {path: path.read_bytes() for path in evol.folder.iterdir()}
    refused = evol.call("ballot", *rivals[:2])
    assert refused.returncode == 2
    assert "ballot.key.json: the key of another ballot" in refused.stderr
    assert {path: path.read_bytes() for path in evol.folder.iterdir()} == before
    (evol.folder / "mine.html").write_text("zmine")
    refused = evol.call("ballot", *rivals, "--out", "mine.html")
    assert (refused.returncode, "not written by `evol ballot`" in refused.stderr) == (2, True)
    assert not (evol.folder / "mine.key.json").exists()


def test_hostile_responses_stay_data(evol: Evol) -> None:
    """No response can end the data block; the policy allows the page's own script alone."""
    hostile = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> &\u2028;"
    paths = write_rivals(evol.folder, {"a": [1.0], "b": [2.0]})
    for path in paths:
        write_rows(path, [{"id": "__proto__", "instruction": hostile, "response": f"{path.stem}{hostile}"}])
    assert evol.call("ballot", *paths).returncode == 0
    page = (evol.folder / "ballot.html").read_text()
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img" not in page
    assert sorted(read_page(evol.folder / "ballot.html")["questions"][0]["responses"]) == [f"a{hostile}", f"b{hostile}"]
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert "unsafe" not in policy
    assert "default-src &#x27;none&#x27;" in policy


def test_ballots_are_counted_through_the_key(evol: Evol, rivals: list[Path]) -> None:
    """Votes, win rates and Cohen's kappa of two annotators are those of an independent count."""
    assert evol.call("ballot", *rivals).returncode == 0
    ann = {f"q{n}": {"zmine": 1, "zbase": 2 if n % 4 else 1, "zold": 3} for n in range(20)}
    bob = {f"q{n}": {"zmine": 1 if n % 3 else 3, "zbase": 2, "zold": 2 if n % 2 else 3} for n in range(16)}
    fill_in(evol.folder, "ann", ann)
    fill_in(evol.folder, "bob", bob)
    done = evol.call("ballot", "count", *sorted(evol.folder.glob("*.json")), "--json")
    assert done.returncode == 0, done.stderr
    found = orjson.loads(done.stdout)
    assert (found["annotators"], found["questions"]) == ({"ann": 20, "bob": 16}, 20)

    def label(ranks: dict[str, int], a: str, b: str) -> str:
        return "ties" if ranks[a] == ranks[b] else "wins" if ranks[a] < ranks[b] else "losses"

    items = []
    for pair, (a, b) in zip(found["pairs"], itertools.combinations(NAMES, 2), strict=True):
        votes = Counter(label(ranks, a, b) for ranks in (*ann.values(), *bob.values()))
        assert (pair["a"], pair["b"], pair["votes"]) == (a, b, 36)
        assert {name: pair[name] for name in ("wins", "ties", "losses")} == {
            name: votes[name] for name in ("wins", "ties", "losses")
        }
        rate = (votes["wins"] + votes["ties"] / 2) / 36
        assert pair["win_rate"]["value"] == pytest.approx(rate)
        assert pair["win_rate"]["low"] <= rate <= pair["win_rate"]["high"]
        items += [(label(ann[one], a, b), label(bob[one], a, b)) for one in bob]
    observed = sum(first == second for first, second in items) / len(items)
    shares = [Counter(item[place] for item in items) for place in (0, 1)]
    expected = sum(shares[0][name] * shares[1][name] for name in shares[0]) / len(items) ** 2
    agreement = found["agreement"]
    assert (agreement["method"], agreement["items"]) == ("Cohen's kappa", 48)
    assert agreement["kappa"] == pytest.approx((observed - expected) / (1 - expected))
    assert agreement["observed"] == pytest.approx(observed)
    shown = evol.call("ballot", "count", "ann.json", "bob.json").stdout
    assert "ann (20 of 20), bob (16 of 20)" in shown
    assert "Cohen's kappa" in shown


def test_three_annotators_have_fleiss_kappa(evol: Evol, rivals: list[Path]) -> None:
    """Unanimous annotators agree with 1; one alone has nobody to agree with."""
    assert evol.call("ballot", *rivals).returncode == 0
    same = {f"q{n}": {"zmine": 1 + n % 3, "zbase": 1 + (n + 1) % 3, "zold": 1 + (n + 2) % 3} for n in range(20)}
    paths = [fill_in(evol.folder, name, same) for name in ("ann", "bob", "cy")]
    found = orjson.loads(evol.call("ballot", "count", *paths, "--json").stdout)
    assert found["agreement"] == {"method": "Fleiss' kappa", "kappa": pytest.approx(1), "items": 60, "observed": 1}
    alone = orjson.loads(evol.call("ballot", "count", paths[0], "--json").stdout)
    assert alone["agreement"] is None


def test_ballots_that_do_not_fit_are_refused(evol: Evol, rivals: list[Path]) -> None:
    """Another page's, an annotator twice, unknown questions, wrong ranks, no ballot, no key: one sentence, exit 2."""
    assert evol.call("ballot", *rivals).returncode == 0
    ranks = {"q1": {"zmine": 1, "zbase": 2, "zold": 3}}
    good = fill_in(evol.folder, "ann", ranks)
    (evol.folder / "twin.json").write_bytes(good.read_bytes())
    key = read_key(evol.folder / "ballot.key.json")
    cases: list[tuple[Path, str]] = [
        (fill_in(evol.folder, "foreign", ranks, ballot="0" * 32), "filled in on another page"),
        (fill_in(evol.folder, "unknown", {}, ranks={"q99": [1, 2, 3]}), "the question 'q99' is not on the page"),
        (fill_in(evol.folder, "short", {}, ranks={"q1": [1, 2]}), "the ranks of question 'q1' are [1, 2], not 3"),
        (fill_in(evol.folder, "high", {}, ranks={"q1": [1, 2, 4]}), "not 3 numbers from 1 to 3"),
        (fill_in(evol.folder, "odd", {}, ranks={"q1": [1, 2, "3"]}), "odd.json: not a ballot"),
        (fill_in(evol.folder, "newer", ranks, format=2), "made with a newer evol"),
        (fill_in(evol.folder, "nobody", ranks, annotator=" "), "names no annotator"),
        (evol.folder / "twin.json", "a ballot of 'ann', and so is "),
        (evol.folder / "missing.json", "missing.json: No such file"),
        (rivals[0], "zmine.jsonl: not a ballot"),
    ]
    assert key["names"] == NAMES
    for path, told in cases:
        refused = evol.call("ballot", "count", good, path)
        assert refused.returncode == 2, path
        assert told in refused.stderr
        assert refused.stderr.count("\n") == 1
    nothing = evol.call("ballot", "count", fill_in(evol.folder, "idle", {}))
    assert (nothing.returncode, "no question is ranked" in nothing.stderr) == (2, True)
    for key_path, told in (("none.json", "none.json: No such file"), ("ann.json", "not the key of a ballot")):
        refused = evol.call("ballot", "count", evol.folder / "twin.json", "--key", key_path)
        assert (refused.returncode, told in refused.stderr) == (2, True)
    one = evol.call("ballot", rivals[0])
    assert (one.returncode, "1 response files cannot be ranked: name two to 9" in one.stderr) == (2, True)
