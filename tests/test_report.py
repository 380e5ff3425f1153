from __future__ import annotations

import base64
import hashlib
import html.parser
import importlib.util
import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from conftest import Evol, read_rows
from evol.errors import UsageError
from evol.figures import PAPER_DIFFICULTY
from evol.folder import require_manifest, write_manifest
from evol.markup import Figure, escape, fill_template, write_figure
from evol.records import Completion, CompletionRequest
from evol.report import MARK, make_page, write_report
from evol.report_data import ReportData, gather
from evol.report_figures import make_figures
from evol.rows import RowDict
from evol.stats import compute_stats
from report_runs import make_run, rate, reply_to

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)><svg onload=alert(2)>",
    "<!-- <script> --> ]]> <![CDATA[ </style><style>*{display:none}",
    "javascript:alert(1) {{data}} {{script}} ${1} \\u003c",
    "left \u202eright-to-left\u202c \u2066isolated\u2069 \u2028line\u2029paragraph",
    "a" * 60_000,
    "漢字かな交じり文、空白なし。",
    "tab\tand\r\nline \x01\x1b[31m\x7f\x9b",
]
SKILLS = ("maths", "<b>code</b>")


def hostile_seeds() -> list[dict[str, str]]:
    """A seed for each hostile text, with hostile ids and skills, among harmless ones."""
    hostile = [
        {"id": f"<i>{number}&\"'", "instruction": text, "skill": SKILLS[number % 2]}
        for number, text in enumerate(HOSTILE)
    ]
    return hostile + [{"id": f"s{number}", "instruction": f"Describe item {number}."} for number in range(40)]


def echo(request: CompletionRequest) -> Completion:
    """Responses that carry a hostile text as well."""
    reply = reply_to(request)
    if request.seed_id == "s39":
        return Completion("w" * 1_000_000, "stop", 1, 1) if request.role == "responder" else reply
    if request.role == "responder" and "sorry" not in reply.text:
        text = f"{reply.text} {HOSTILE[request.generation]}\x00"
        return Completion(text, reply.finish_reason, reply.input_tokens, reply.output_tokens)
    return reply


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over hostile and harmless seeds, with scores."""
    run = make_run(tmp_path_factory.mktemp("hostile"), hostile_seeds(), echo, price={"input": 1.0, "output": 2.0})
    rows = [row for number in range(4) for row in read_rows(run / f"generation-{number}.jsonl")]
    scores = [
        {"id": row["id"], "generation": row["generation"], "score": 2 + place % 5, "mode": mode}
        for place, row in enumerate(rows)
        for mode in ("single", "joint")
    ]
    rate(run, scores)
    return run


@pytest.fixture(scope="module")
def data(folder: Path) -> ReportData:
    """What a report of that run shows."""
    return gather(folder)


@pytest.fixture(scope="module")
def page(data: ReportData) -> str:
    """Its page."""
    return make_page(data).decode()


class Reader(html.parser.HTMLParser):
    """Collects elements, attributes and the raw text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.raw: list[tuple[str, dict[str, str | None], str]] = []
        self.text: list[str] = []
        self._open: tuple[str, dict[str, str | None]] | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._open = (tag, dict(attrs)) if tag in ("script", "style") else None

    def handle_data(self, data: str) -> None:
        if self._open:
            self.raw.append((*self._open, data))
            self._open = None
        else:
            self.text.append(data)


def read_data(page: str) -> Any:
    """The data block of a page."""
    [block] = [text for _, attributes, text in Reader(page).raw if attributes.get("id") == "data"]
    return json.loads(block)


def test_the_policy_names_the_very_script_and_style_of_the_page(page: str) -> None:
    """Nothing else runs or styles: one of each, by hash, everything else is forbidden."""
    reader = Reader(page)
    [policy] = [
        value for tag, name, value in reader.attributes if (tag, name) == ("meta", "content") and "src" in value
    ]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for name, rule in (("script", "script-src"), ("style", "style-src")):
        [text] = [text for tag, attributes, text in reader.raw if tag == name and not attributes]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert reader.elements["style"] == 1
    assert reader.elements["script"] == 2  # with the data block, which nothing runs
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_the_page_loads_nothing_and_has_no_handlers(page: str) -> None:
    """No element that fetches, no event handler, no style attribute, no link but to the page itself."""
    reader = Reader(page)
    assert not {"img", "iframe", "object", "embed", "link", "base", "image", "use", "a:href"} & reader.elements.keys()
    for tag, name, value in reader.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("style", "src", "srcset", "action", "xlink:href", "srcdoc"), (tag, name)
        if name == "href":
            assert value.startswith("#")
        if "url(" in value:
            assert re.fullmatch(r"url\(#[a-z-]+\d+\)", value)
    ids = [value for _, name, value in reader.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_hostile_text_stays_text(page: str, folder: Path) -> None:
    """No text of a seed or reply becomes markup, and each reaches the data unchanged."""
    elements = Reader(page).elements
    assert not {"i", "b"} & elements.keys()
    found = {row["instruction"] for lineage in read_data(page)["lineages"] for row in lineage["rows"]}
    seeds = {row["instruction"][:20_000] for row in read_rows(folder / "generation-0.jsonl")}  # type: ignore[index]
    assert seeds <= found
    responses = [row["response"] for lineage in read_data(page)["lineages"] for row in lineage["rows"]]
    assert any("\x00" in response for response in responses)
    data = page[page.index('id="data">') + 10 : page.index("</script>", page.index('id="data">'))]
    assert "<" not in data
    assert "\u2028" not in data
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", "".join(Reader(page).text))


def test_every_lineage_is_there_with_its_eliminations(page: str, folder: Path) -> None:
    """The rows of the page are those of the files, in order, each with reason and detail, parent and score."""
    shown = read_data(page)
    rows = [row for path in sorted(folder.glob("generation-*.jsonl")) for row in read_rows(path)]
    eliminated = read_rows(folder / "eliminated.jsonl")
    assert eliminated
    by_id = {str(row["id"]): row for row in rows + eliminated}
    found = {f"{lineage['id']}.{row['generation']}": row for lineage in shown["lineages"] for row in lineage["rows"]}
    assert found.keys() == by_id.keys()
    for row_id, row in by_id.items():
        assert found[row_id]["operation"] == row["operation"]
        assert found[row_id].get("reason", "") == row.get("reason", "")
        assert found[row_id].get("detail", "") == row.get("detail", "")
        if row["parent_id"]:
            assert f"{row['seed_id']}.{found[row_id]['parent']}" == row["parent_id"]
        assert (row_id in shown["scores"]) == ("reason" not in row)
    assert [lineage["id"] for lineage in shown["lineages"]] == [seed["id"] for seed in hostile_seeds()]
    assert set(shown["skills"].values()) == set(SKILLS)


def test_long_texts_are_cut_and_say_so(page: str) -> None:
    """Words of 60,000 and a million characters are shown as 20,000 and the number of those left out."""
    [lineage] = [found for found in read_data(page)["lineages"] if found["id"].startswith("<i>5")]
    assert len(lineage["rows"][0]["instruction"]) == 20_000
    assert lineage["rows"][0]["instruction_cut"] == 40_000
    [lineage] = [found for found in read_data(page)["lineages"] if found["id"] == "s39"]
    assert lineage["rows"][0]["response_cut"] == 980_000


ROWS = "read_json('{folder}/generation-*.jsonl', format='newline_delimited', maximum_object_size=20000000)"
WORD = r"[\p{{Han}}\p{{Hiragana}}\p{{Katakana}}]|[\p{{Latin}}\p{{Nd}}]+"
LENGTHS = """
    with lengths as (select generation, len(regexp_extract_all({kind}, '{word}')) as words from {rows})
    select generation, quantile_disc(words, 0.5), quantile_disc(words, 0.9), quantile_disc(words, 0.99), count(*)
    from lengths group by all order by generation
"""
COUNTS = {
    "funnel": """
        with gone as (select * from '{folder}/eliminated.jsonl'), kept as (from {rows}),
        due as (select count(*) as seeds from kept where generation = 0)
        select g, seeds, seeds, max(k) + count(*) filter (response_model <> '' or reason = 'equal'),
               max(k) + count(*) filter (response_model <> ''), max(k)
        from (select generation as g, count(*) as k from kept where generation > 0 group by all)
        cross join due left join gone on gone.generation = g group by g, seeds
    """,
    "reasons": """
        with counts as (pivot '{folder}/eliminated.jsonl' on generation in (1, 2, 3) using count(*) group by reason)
        select reason, "1", "2", "3" from counts order by reason
    """,
    "operations": """
        with every as (
            select operation, true as stayed from {rows} where generation > 0
            union all select operation, false from '{folder}/eliminated.jsonl'
        )
        select operation, count(*), count(*) filter (stayed), format('{{:.1f}}%', 100 * avg(stayed::int))
        from every group by all order by operation
    """,
    **{
        f"{kind}-lengths": LENGTHS.replace("{kind}", kind).replace("{word}", WORD)
        for kind in ("instruction", "response")
    },
    "difficulty": """
        select mode, generation, format('{{:.2f}}', avg(score)), count(*)
        from '{folder}/scores.jsonl' group by all order by all
    """,
}
"""The figures of a report as questions to DuckDB, which reads the files with code of its own."""


@pytest.mark.parametrize("name", COUNTS)
def test_figures_agree_with_an_independent_count(name: str, data: ReportData, folder: Path) -> None:
    """Stages, reasons, operations, lengths and scores, counted once more by DuckDB over the run's files."""
    [figure] = [figure for figure in make_figures(data)[0] if figure.name == name]
    counted = duckdb.sql(COUNTS[name].format(folder=folder, rows=ROWS.format(folder=folder))).fetchall()
    shown = [tuple(row) for row in figure.rows]
    if name == "difficulty":
        assert {row[3] for row in shown} == {f"{PAPER_DIFFICULTY[generation]:.2f}" for generation in range(4)}
        shown = [(*row[:3], row[4]) for row in shown]
    assert len(counted) > 2
    assert sorted(shown) == sorted(counted)


def test_difficulty_is_missing_where_nothing_was_scored(tmp_path: Path) -> None:
    """No empty figure."""
    bare = gather(make_run(tmp_path, [{"instruction": f"Name {n} rivers."} for n in range(4)], generations=1))
    assert "difficulty" not in {figure.name for figure in make_figures(bare)[0]}


def test_drawings_are_inert(data: ReportData) -> None:
    """Charts hold shapes and text alone, coloured by variables, so that one drawing serves light and dark."""
    allowed = {"svg", "g", "path", "text", "tspan", "line", "rect", "defs", "clippath"}
    for figure in make_figures(data)[0]:
        reader = Reader(figure.svg)
        assert reader.elements["svg"] == 1
        assert reader.elements.keys() <= allowed, figure.name
        colours = {value for _, name, value in reader.attributes if name in ("fill", "stroke")}
        assert all(colour in ("none", "transparent") or colour.startswith("var(--") for colour in colours), figure.name


def test_every_colour_of_a_drawing_is_in_the_style_sheet(page: str) -> None:
    """Each variable is given for light and for dark."""
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", page))
    light, dark = page.split("prefers-color-scheme: dark", 1)
    for name in used - {"--g"}:
        assert f"{name}:" in light[: light.index("}")]
        assert f"{name}:" in dark[: dark.index("}")]


def test_marks_of_the_map_stand_for_rows(page: str, data: ReportData) -> None:
    """The page says for each mark, in the order of the drawing, which row it is; eliminated ones are not drawn."""
    figures, points = make_figures(data)
    [drawing] = [figure.svg for figure in figures if figure.name == "map"]
    group = drawing[drawing.index("role-mark") :]
    assert group[: group.index("</g>")].count("<path") == len(points) > 40
    lineages = read_data(page)["lineages"]
    assert all(point and "reason" not in lineages[point[0]]["rows"][point[1]] for point in points)


def test_a_large_run_is_sampled_and_says_so(folder: Path, data: ReportData) -> None:
    """Whole lineages, the same at every call, no more bytes than allowed; every chart still counts all rows."""
    limit = sum(map(len, data.lineages)) // 2
    sampled = gather(folder, limit)
    assert 0 < len(sampled.lineages) < len(data.lineages)
    assert sum(map(len, sampled.lineages)) <= limit
    assert set(sampled.lineages) < set(data.lineages)
    assert gather(folder, limit).lineages == sampled.lineages
    assert sampled.stages == data.stages
    assert f"A sample: {len(sampled.lineages)} of {data.lineage_count} lineages" in make_page(sampled).decode()


def test_the_same_run_gives_the_same_page(folder: Path, page: str) -> None:
    """No clock, no chance."""
    assert make_page(gather(folder)).decode() == page


def test_a_run_without_files_is_read_from_its_journal(folder: Path, tmp_path: Path) -> None:
    """Lineages of a killed run are those that its files would hold; the page says that it was killed."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("journal.jsonl", ".seeds.jsonl", "manifest.json"):
        (copy / name).write_bytes((folder / name).read_bytes())
    manifest = require_manifest(folder)
    write_manifest(copy, manifest.model_copy(update={"status": "running", "files": {}}))
    read: list[list[list[RowDict]]] = [[], []]
    for run, lineages in zip((copy, folder), read, strict=True):
        compute_stats(run, collectors=[lineages.append])
    assert read[0] == read[1]
    assert len(read[0]) == len(hostile_seeds())
    assert "killed; what its journal holds is shown" in make_page(gather(copy)).decode()


def test_a_run_cut_short_shows_what_there_is(folder: Path, tmp_path: Path) -> None:
    """Half a journal: unfinished lineages keep their rows, and the seeds that wait are counted."""
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "journal.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]) + lines[-1][:50])
    (tmp_path / ".seeds.jsonl").write_bytes((folder / ".seeds.jsonl").read_bytes())
    manifest = require_manifest(folder)
    write_manifest(tmp_path, manifest.model_copy(update={"status": "running", "files": {}}))
    data = gather(tmp_path)
    assert 0 < data.lineage_count < len(hostile_seeds())
    page = make_page(data).decode()
    assert f"{len(hostile_seeds()) - data.lineage_count} of {len(hostile_seeds())} seeds have no row yet" in page
    assert any(len(lineage["rows"]) < 4 for lineage in read_data(page)["lineages"])


def test_an_unknown_cost_is_unknown(page: str, tmp_path: Path) -> None:
    """Never a silent zero; a known one is shown."""
    assert "<dt>cost</dt><dd>$" in page
    run = make_run(tmp_path, [{"instruction": f"Name {n} rivers."} for n in range(5)], generations=1)
    bare = make_page(gather(run)).decode()
    assert "<dt>cost</dt><dd>unknown" in bare
    assert "The price is unknown" in bare


def test_seeds_alone_make_a_page(tmp_path: Path) -> None:
    """A run of no generations and seeds that bring their responses: no call, no evolution, still a page."""
    seed = {"instruction": "Name a river.", "response": "The Rhine."}
    page = make_page(gather(make_run(tmp_path, [seed], generations=0))).decode()
    assert "All 1 lineages" in page
    assert 'id="figure-funnel"' not in page
    assert 'id="figure-speed"' not in page


def test_many_generations_make_a_page(tmp_path: Path) -> None:
    """Thirty generations: some of them are drawn, all are counted."""
    data = gather(make_run(tmp_path, [{"instruction": "Name a river."}, {"instruction": "Sing."}], generations=30))
    [funnel] = [figure for figure in make_figures(data)[0] if figure.name == "funnel"]
    assert len(funnel.rows) == 30
    [lengths] = [figure for figure in make_figures(data)[0] if figure.name == "instruction-lengths"]
    assert len(lengths.rows) <= 12


def test_the_command_writes_a_page(evol: Evol, write_seeds: Any) -> None:
    """`evol stats --html`: one line on stdout, and a second call replaces the page."""
    assert evol.run(write_seeds(5), "--generations", "1").returncode == 0
    for _ in range(2):
        done = evol.call("stats", "--html", "r.html")
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(
            r"r\.html: figures and all 5 lineages to read, 0\.\d MB; open it in a browser\n", done.stdout
        )
        assert done.stderr == ""
    assert (evol.folder / "r.html").read_bytes().startswith(MARK)
    both = evol.call("stats", "--json", "--html", "r.html")
    assert json.loads(both.stdout)[0]["seeds"] == 5
    assert "r.html: figures" in both.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("texts", "words"), [("short", 1), ("long", 300)], ids=["a hundred thousand short rows", "long responses"]
)
def test_a_large_run_makes_a_small_page(tmp_path: Path, texts: str, words: int) -> None:
    """Under 15 MB and 400 MB of memory, whether many short lineages are shown or few long ones; all scored."""
    count = 20_000 if texts == "short" else 800

    def script(request: CompletionRequest) -> str:
        if request.role == "evolver":
            return f"<new_instruction>{request.key[:30]} <b></new_instruction>"
        return "Not Equal" if request.role == "judge" else f"<p>{request.key} " * words

    seeds = [{"id": f"{n}<", "instruction": f"Name {n} rivers.", "skill": "<geography>"} for n in range(count)]
    run = make_run(tmp_path, seeds, script, generations=4)
    every = itertools.product(("single", "joint"), range(count), range(5))
    rate(run, ({"id": f"{n}<.{g}", "generation": g, "score": 1 + (n + g) % 10, "mode": mode} for mode, n, g in every))
    code = (
        "import re, sys; from pathlib import Path; from evol.report import write_report\n"
        "written, _ = write_report(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        # not ru_maxrss, which a process takes over from the one that started it
        "print(written.shown, int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    command = [sys.executable, "-c", code, str(run), str(tmp_path / "r.html")]
    shown, memory = map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    assert 6_000_000 < (tmp_path / "r.html").stat().st_size < 15_000_000
    assert 50 < shown < count
    assert memory < 400


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("notes.txt", "notes.txt: exists and is no report of evol"),
        ("output/generation-0.jsonl", "output/generation-0.jsonl: exists and is no report of evol"),
        ("nowhere/r.html", "nowhere/r.html: there is no folder nowhere"),
        ("output", "output: Is a directory"),
    ],
)
def test_another_file_is_never_overwritten(evol: Evol, write_seeds: Any, target: str, said: str) -> None:
    """One sentence, exit 2, nothing touched."""
    evol.run(write_seeds(1), "--generations", "0")
    (evol.folder / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in evol.folder.rglob("*") if path.is_file()}
    done = evol.call("stats", "--html", target)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert {path: path.read_bytes() for path in evol.folder.rglob("*") if path.is_file()} == before


def test_a_page_shows_one_run(evol: Evol) -> None:
    """Several runs side by side are a matter of the terminal."""
    done = evol.call("stats", "a", "b", "--html", "r.html")
    assert done.returncode == 2
    assert "--html shows one run at a time" in done.stderr


def test_a_missing_extra_is_named_with_its_command(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read or written."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "vl_convert" else find(name))
    with pytest.raises(UsageError, match=r"\(vl_convert\).*pip install 'evol-instruct\[report\]'"):
        write_report(folder, tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


def test_a_damaged_score_is_named(folder: Path, evol: Evol) -> None:
    """The file, what to do, exit 7."""
    copy = evol.folder / "run"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "scores.jsonl").write_text('{"id": "s1.0", "generation": 0, "score": 3, "mode": "single"}\n{"id": 1}\n')
    done = evol.call("stats", "run", "--html", "r.html")
    assert done.returncode == 7
    assert "run/scores.jsonl: not what `evol score` wrote" in done.stderr
    assert not (evol.folder / "r.html").exists()


def test_values_are_put_in_once() -> None:
    """A value that looks like a placeholder stays as it is; an unknown placeholder is a bug."""
    assert fill_template("{{a}}-{{b}}", {"a": "{{b}}", "b": "2"}) == "{{b}}-2"
    with pytest.raises(KeyError):
        fill_template("{{c}}", {})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<a href=\"x\" id='y'>&", "&lt;a href=&quot;x&quot; id=&#x27;y&#x27;&gt;&amp;"),
        ("a\u202eb\x00c\ud800d\u2028", "a[U+202E]b[U+0000]c[U+D800]d[U+2028]"),
        ("two\nlines\tand 漢字", "two\nlines\tand 漢字"),
    ],
)
def test_escaped_text_acts_nowhere(text: str, shown: str) -> None:
    """Markup is escaped; what is unseen is shown by its number, half characters too."""
    assert escape(text) == shown
    escape(text).encode()


def test_a_figure_names_its_drawing() -> None:
    """For readers of the screen: the drawing is one image with the figure's heading as its name."""
    written = write_figure(Figure("x", "A <b>", "c", '<svg width="1"></svg>', ("n", "m"), [("k", 1234)]))
    assert '<svg role="img" aria-labelledby="figure-x-title" width="1">' in written
    assert '<h3 id="figure-x-title">A &lt;b&gt;</h3>' in written
    assert "<td>1,234</td>" in written
