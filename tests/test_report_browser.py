"""The report's page in a real, headless Chromium, offline: it must be installed; nothing here is ever skipped."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, sync_playwright

from conftest import read_rows
from evol.records import Completion, CompletionRequest
from evol.report import make_page, write_report
from evol.report_data import gather
from report_runs import make_run, parent_of
from test_report import HOSTILE, echo, hostile_seeds

pytestmark = pytest.mark.browser

ARGUMENTS = [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
CJK = "川の名前を三つ挙げてください。理由は不要です。"


def find_chromium() -> str:
    """The installed browser; a machine without one fails these tests."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    pytest.fail("no Chromium is installed: apt-get install chromium")


@dataclass
class Opened:
    """An open page and everything that happened in it.

    Attributes:
        page: of playwright.
        events: console messages, errors, dialogs and policy violations.
        requests: what was asked for, the page itself included.
    """

    page: Page
    events: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def chain(self) -> list[str]:
        """The texts of the open lineage's instructions."""
        texts: list[str] = self.page.locator("#detail .instruction").all_text_contents()
        return texts


@contextlib.contextmanager
def open_page(
    path: Path, viewport: ViewportSize = DESKTOP, scheme: Any = "light", fragment: str = "", *, touch: bool = False
) -> Iterator[Opened]:
    """Open a file in a browser of its own that has no network."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=ARGUMENTS, chromium_sandbox=False, timeout=60_000
        )
        context = browser.new_context(viewport=viewport, color_scheme=scheme, offline=True, has_touch=touch)
        page = context.new_page()
        opened = Opened(page)
        page.on("console", lambda message: opened.events.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: opened.events.append(f"error: {error}"))
        page.on("request", lambda request: opened.requests.append(request.url))

        def close_dialog(dialog: Any) -> None:
            opened.events.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("dialog", close_dialog)
        page.expose_function("tellViolation", lambda text: opened.events.append(f"policy: {text}"))
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation',"
            " (event) => tellViolation(`${event.violatedDirective} ${event.blockedURI}`))"
        )
        page.goto(path.as_uri() + fragment)
        try:
            yield opened
        finally:
            browser.close()


def evolve(request: CompletionRequest) -> Completion:
    """Evolutions whose difference is known: a sentence more, or one word of a text in Japanese."""
    if request.role == "evolver":
        parent = parent_of(request)
        if parent.startswith("川"):
            text = parent.replace("不要", "必要") if "不要" in parent else f"{parent}例も示すこと。"
        else:
            text = f"{parent} Stop after {request.generation} lines."
        return Completion(f"<new_instruction>\n{text}\n</new_instruction>", "stop", 10, 10)
    return Completion("Not Equal" if request.role == "judge" else "A fine text about it.", "stop", 10, 10)


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over hostile and harmless seeds, some evolutions eliminated."""
    return make_run(tmp_path_factory.mktemp("hostile"), hostile_seeds(), echo, price={"input": 1.0, "output": 2.0})


@pytest.fixture(scope="module")
def hostile(hostile_run: Path) -> Path:
    """Its page, one response replaced by what no file can hold: half a character."""
    path = hostile_run.parent / "hostile.html"
    page = make_page(gather(hostile_run)).decode()
    path.write_text(page.replace('"Describe item 7."', r'"half \ud800 a character"', 1), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run whose differences are known."""
    folder = tmp_path_factory.mktemp("plain")
    seeds = [{"id": "river", "instruction": CJK}, {"id": "sea", "instruction": "Describe the sea at night, in prose."}]
    seeds += [{"id": f"n{number}", "instruction": f"Count to {number} in Welsh."} for number in range(130)]
    write_report(make_run(folder, seeds, evolve, generations=2), folder / "plain.html")
    return folder / "plain.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_hostile_run_opens_silently(hostile: Path, viewport: ViewportSize, scheme: str) -> None:
    """No request but the file, no console message, no policy violation, no dialog, nothing wider than the screen."""
    with open_page(hostile, viewport, scheme) as opened:
        page = opened.page
        for place in range(len(HOSTILE) + 1):
            page.locator("#list button").nth(place).click()
            page.locator("#detail summary").first.click()
        page.get_by_label("open all responses").check()
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
        assert page.title() == "evol report: run"
        assert page.locator("#detail :is(script, img, b, i, style, svg, a)").count() == 0
        assert page.locator("script").count() == 2
        assert opened.events == []
        assert opened.requests == [hostile.as_uri()]


def test_hostile_texts_are_read_as_they_are(hostile: Path, hostile_run: Path) -> None:
    """Each seed's text stands in its lineage to the letter; what acts unseen is shown by its number."""
    seeds = read_rows(hostile_run / "generation-0.jsonl")
    with open_page(hostile) as opened:
        for place in range(len(HOSTILE)):
            opened.page.locator("#list button").nth(place).click()
            shown = opened.chain()[0]
            text = re.sub(r"U\+([0-9A-F]{4})", lambda found: chr(int(found[1], 16)), shown)
            assert text == str(seeds[place]["instruction"])[:20_000]
            assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\x00-\x08\x1b]", shown)
            assert str(seeds[place]["seed_id"]) in opened.page.locator("#detail h3").inner_text()
        opened.page.get_by_label("Search").fill("half")
        opened.page.get_by_text("1 of 48 lineages found").wait_for()
        assert opened.chain()[0] == "half U+D800 a character"


def test_a_page_that_was_tampered_with_does_not_run(plain: Path, tmp_path: Path) -> None:
    """The policy bites, and the listeners of these tests hear it: a changed script and an added one are blocked."""
    path = tmp_path / "changed.html"
    page = plain.read_text(encoding="utf-8").replace("const PAGE = 100;", "const PAGE = 101;")
    path.write_text(page.replace("<main>", "<main><script>alert(1)</script><b style='color:red'>x</b>"), "utf-8")
    with open_page(path) as opened:
        opened.page.wait_for_timeout(200)
        assert not any(event.startswith("dialog") for event in opened.events)
        assert sum(event.startswith("policy: script-src") for event in opened.events) == 2
        assert sum(event.startswith("policy: style-src") for event in opened.events) == 1
        assert opened.page.locator("#browser").is_hidden()
        assert opened.page.locator("figure svg").count() > 3
        assert opened.page.get_by_text("let this page run its own script").is_visible()


def test_filters_find_what_the_files_hold(hostile: Path, hostile_run: Path) -> None:
    """Generation, operation, reason and search hold for one row at once; skill for its seed."""
    rows = [row for path in sorted(hostile_run.glob("generation-*.jsonl")) for row in read_rows(path)]
    rows += read_rows(hostile_run / "eliminated.jsonl")

    def expect(opened: Opened, matches: Callable[[dict[str, object]], bool]) -> None:
        found = [row for row in rows if matches(row)]
        lineages = {row["seed_id"] for row in found}
        assert 0 < len(lineages) < 48
        noun = "row" if len(found) == 1 else "rows"
        opened.page.get_by_text(
            re.compile(f"^{len(lineages)} of 48 lineages found, {len(found)} matching {noun}$")
        ).wait_for(timeout=5000)
        assert opened.page.locator("#list li").count() == len(lineages)
        assert opened.page.locator("#detail .hit").count() > 0

    with open_page(hostile) as opened:
        page = opened.page
        page.get_by_label("Kept or reason").select_option("eliminated: equal")
        expect(opened, lambda row: row.get("reason") == "equal")
        page.get_by_label("Generation", exact=True).select_option("2")
        expect(opened, lambda row: row.get("reason") == "equal" and row["generation"] == 2)
        page.get_by_role("button", name="Clear").click()
        page.get_by_text("48 lineages", exact=True).wait_for()
        page.get_by_label("Operation", exact=True).select_option("breadth")
        page.get_by_label("Kept or reason").select_option("kept")
        expect(opened, lambda row: row["operation"] == "breadth" and "reason" not in row)
        page.get_by_role("button", name="Clear").click()
        page.get_by_label("Search").fill("ALERT(2)")
        expect(opened, lambda row: "alert(2)" in f"{row['instruction']} {row['response']}")
        page.get_by_role("button", name="Clear").click()
        page.get_by_label("Skill").select_option("<b>code</b>")
        page.get_by_text("4 of 48 lineages found", exact=True).wait_for()
        page.get_by_label("Search").fill("nowhere to be found")
        page.get_by_text("0 of 48 lineages found", exact=True).wait_for()
        assert page.locator("#list li").count() == 0
        assert opened.events == []


def test_a_chain_shows_what_changed(plain: Path) -> None:
    """Words added are marked, characters exchanged too where there are no spaces; both can be turned off."""
    with open_page(plain) as opened:
        page = opened.page
        page.get_by_label("Search").fill("sea")
        page.locator("#detail h3", has_text="sea").wait_for()
        steps = page.locator("#detail .step")
        assert steps.count() == 3
        assert steps.nth(0).locator("ins, del").count() == 0
        assert steps.nth(1).locator("ins").all_inner_texts() == ["Stop after 1 lines."]
        assert steps.nth(2).locator("ins").all_inner_texts() == ["Stop after 2 lines."]
        assert steps.nth(2).locator("del").count() == 0
        page.get_by_label("differences").uncheck()
        assert page.locator("#detail :is(ins, del)").count() == 0
        assert page.evaluate("document.activeElement.type") == "checkbox"
        page.get_by_label("differences").check()
        page.get_by_label("Search").fill("river")
        page.locator("#detail h3", has_text="river").wait_for()
        assert steps.nth(1).locator("del").all_inner_texts() == ["不"]
        assert steps.nth(1).locator("ins").all_inner_texts() == ["必"]
        assert steps.nth(2).locator("ins").all_inner_texts() == ["例も示すこと。"]
        assert opened.chain()[0] == CJK
        assert page.locator("#detail .response").first.is_hidden()
        page.get_by_label("open all responses").check()
        assert page.locator("#detail .response").all_inner_texts() == ["A fine text about it."] * 3


def test_eliminated_steps_say_why_and_where_from(hostile: Path, hostile_run: Path) -> None:
    """A lineage with an elimination shows reason and detail, and the next step tells which generation it came from."""
    rows = read_rows(hostile_run / "eliminated.jsonl")
    row = next(row for row in rows if row["generation"] == 2 and str(row["seed_id"]).startswith("s"))
    with open_page(hostile, fragment=f"#seed={row['seed_id']}") as opened:
        step = opened.page.locator("#detail .step.out", has_text="Generation 2")
        assert f"eliminated: {row['reason']}" in step.inner_text()
        assert str(row["detail"]) in step.inner_text()
        parent = int(str(row["parent_id"]).rpartition(".")[2])
        said = f"from generation {parent}" if parent else "from the seed"
        assert said in opened.page.locator("#detail .step", has_text="Generation 3").inner_text()


def test_keys_reach_everything(plain: Path) -> None:
    """Tab and arrows lead to a lineage, Enter opens it, Next goes on; every control has a name and a visible focus."""
    with open_page(plain) as opened:
        page = opened.page
        page.get_by_label("Search").focus()
        for _ in range(5):
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('#list') !== null")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert page.locator("#detail h3").inner_text() == "sea"
        assert page.evaluate("document.activeElement.tagName") == "H3"
        page.get_by_role("button", name="Next").press("Enter")
        assert page.locator("#detail h3").inner_text() == "n0"
        page.get_by_role("button", name="Previous").press("Enter")
        page.get_by_role("button", name="Previous").press("Enter")
        assert page.locator("#detail h3").inner_text() == "river"
        assert page.get_by_role("button", name="Previous").is_disabled()
        page.get_by_role("button", name="Show more").press("Enter")
        assert page.locator("#list li").count() == 132
        nameless = """[...document.querySelectorAll('button, input, select, summary, svg')].filter((node) =>
            !node.closest('[hidden]') && !node.textContent.trim() && !(node.labels && node.labels.length)).length"""
        assert page.evaluate(nameless) == 0
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((node) => Number(node.tagName[1]))")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_a_mark_of_the_map_opens_its_lineage(plain: Path) -> None:
    """The mark tells its text under the pointer, and a click opens the lineage it stands for."""
    data = json.loads(re.findall(r'id="data">(.*?)</script>', plain.read_text("utf-8"), re.DOTALL)[0])
    with open_page(plain) as opened:
        page = opened.page
        marks = page.locator("#figure-map .role-mark path")
        assert marks.count() == len(data["points"])
        for place in (0, 5, marks.count() - 1):
            lineage, row = data["points"][place]
            marks.nth(place).dispatch_event("pointermove")
            told = page.locator("#tip").inner_text()
            assert data["lineages"][lineage]["rows"][row]["instruction"] in told
            marks.nth(place).dispatch_event("click")
            assert page.locator("#detail h3").inner_text() == data["lineages"][lineage]["id"]
        assert opened.events == []


def test_a_link_opens_its_lineage(plain: Path) -> None:
    """The address names the open lineage, so that a page can be reloaded or passed on; a strange one does no harm."""
    with open_page(plain) as opened:
        opened.page.locator("#list button").nth(4).click()
        name = opened.page.locator("#detail h3").inner_text()
        assert opened.page.url.endswith(f"#seed={name}")
        opened.page.reload()
        assert opened.page.locator("#detail h3").inner_text() == name
    with open_page(plain, fragment="#seed=%E0%A4%A") as opened:
        assert opened.page.locator("#list li").count() == 100
        assert opened.events == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(plain: Path, scheme: str) -> None:
    """Text has a contrast of 4.5 to 1 to what lies behind it (WCAG 2.2, 1.4.3), drawings' text too."""
    measure = """() => {
      const parse = (text) => text.match(/[\\d.]+/g).map(Number);
      const light = (parts) => parts.slice(0, 3).map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
      const behind = (node) => {
        for (let at = node; at; at = at.parentElement) {
          const parts = parse(getComputedStyle(at).backgroundColor);
          if (parts.length === 3 || parts[3] === 1) return parts;
        }
        return [255, 255, 255];
      };
      const found = [];
      const texts = 'h1,h2,h3,h4,p,dt,dd,small,label,summary,figcaption,th,td,button,ins,span,bdi,footer,'
        + '#figure-cost svg text,#figure-instruction-lengths svg text';
      for (const node of document.querySelectorAll(texts)) {
        if (!node.textContent.trim() || !node.getClientRects().length) continue;
        const style = getComputedStyle(node);
        const [a, b] = [light(parse(node.closest('svg') ? style.fill : style.color)), light(behind(node))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) found.push(`${node.className} ${node.textContent.slice(0, 30)}: ${contrast}`);
      }
      return found;
    }"""
    with open_page(plain, scheme=scheme) as opened:
        background = opened.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (int(re.findall(r"\d+", background)[0]) < 60) == (scheme == "dark")
        assert opened.page.evaluate(measure) == []


def test_a_phone_leads_to_the_lineage_and_back(plain: Path) -> None:
    """A tap opens the lineage below the list and shows it; a button leads back."""
    with open_page(plain, PHONE, touch=True) as opened:
        page = opened.page
        page.locator("#list button").nth(2).tap()
        assert 0 <= page.evaluate("document.querySelector('#detail h3').getBoundingClientRect().top") < 400
        page.get_by_role("button", name="Back to the list").tap()
        assert page.evaluate("document.activeElement.dataset.index") == "2"
        smallest = (
            "Math.min(...[...document.querySelectorAll('figure svg')].map((svg) => svg.getBoundingClientRect().width))"
        )
        assert page.evaluate(smallest) > 250


def test_without_scripts_the_figures_stand(plain: Path, tmp_path: Path) -> None:
    """Charts need no script; the lineages say that they do."""
    path = tmp_path / "still.html"
    path.write_text(plain.read_text("utf-8"), "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS, chromium_sandbox=False)
        page = browser.new_context(java_script_enabled=False, offline=True).new_page()
        page.goto(path.as_uri())
        assert page.locator("figure svg").count() > 3
        assert page.locator("#filters").is_hidden()
        assert page.get_by_text("let this page run its own script").is_visible()
        browser.close()
