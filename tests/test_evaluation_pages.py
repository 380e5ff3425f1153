"""The pages of compare and ballot in a real Chromium, offline: no console message, no request, no foreign code.

Marked `browser`: it wants the system's `chromium` and the package `playwright`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import Evol
from fake_server import FakeServer
from simulated_judge import make_judge, write_rivals, write_rows

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SCREENS = [(1280, 900, "light"), (390, 844, "dark")]
HOSTILE = '</script><script>document.title="hit"</script><img src=x onerror="document.title=\'hit\'">'

Open = Callable[[Path, tuple[int, int, str]], Any]


def is_local(url: str) -> bool:
    """Whether a request stays on this machine."""
    return url.startswith(("file:", "blob:"))


def call_apart(evol: Evol, *words: str | Path) -> None:
    """An evol command in a process of its own: Playwright keeps this one's event loop."""
    command = [sys.executable, "-m", "evol.cli", *map(str, words)]
    done = subprocess.run(command, cwd=evol.folder, env=evol.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "install chromium"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Opens a file on a screen of some size and colour; afterwards nothing may have been said, asked or run."""
    troubles: list[str] = []
    contexts = []

    def open_file(path: Path, screen: tuple[int, int, str]) -> Any:
        width, height, scheme = screen
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: troubles.extend([] if is_local(request.url) else [request.url]))
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        return page

    yield open_file
    assert troubles == []
    for context in contexts:
        assert all(page.title() != "hit" for page in context.pages)
        context.close()


@pytest.mark.parametrize("screen", SCREENS)
def test_a_person_fills_in_a_ballot(evol: Evol, open_page: Open, screen: tuple[int, int, str]) -> None:
    """Keyboard and mouse rank, ties are allowed, a reload forgets nothing, and the export counts as it was meant."""
    names = ["first-model", "second-model", "third-model"]
    rows = [
        [
            {"id": i, "instruction": f"{HOSTILE} {i}", "response": f"{HOSTILE} text {place} of {i}"}
            for i in ("a", "__proto__", "c")
        ]
        for place in range(3)
    ]
    paths = [write_rows(evol.folder / f"{name}.jsonl", found) for name, found in zip(names, rows, strict=True)]
    assert evol.call("ballot", *paths).returncode == 0
    page = open_page(evol.folder / "ballot.html", screen)
    assert page.locator(".response").count() == 3
    assert HOSTILE in page.text_content("#instruction")
    page.click("#export")
    assert "write your name first" in page.text_content("#told")
    page.fill("#annotator", "Ann")
    page.locator("h1").click()

    def places() -> list[int]:
        """Which file stands at each place of the question that is shown."""
        texts = page.locator(".response .text").all_text_contents()
        return [int(text.split("text ")[1][0]) for text in texts]

    # by keyboard: the first file is best, the other two are equal
    for place in places():
        page.keyboard.press("1" if place == 0 else "2")
    assert page.text_content("#done") == "1 of 3 ranked"
    page.keyboard.press("Enter")
    assert page.text_content("#place") == "Question 2 of 3"
    # by mouse: the third file is best, then the second
    for position, place in enumerate(places()):
        page.locator(".response").nth(position).locator("label").nth(2 - place).click()
    assert page.text_content("#done") == "2 of 3 ranked"
    page.reload()
    assert (page.text_content("#place"), page.text_content("#done")) == ("Question 2 of 3", "2 of 3 ranked")
    assert page.input_value("#annotator") == "Ann"
    # a half-ranked question is not exported; Backspace clears, arrows choose, the button finds what is open
    page.click("#unranked")
    assert page.text_content("#place") == "Question 3 of 3"
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("3")
    assert page.locator("input:checked").count() == 1
    assert page.locator(".response").nth(1).locator("input:checked").get_attribute("value") == "3"
    page.keyboard.press("Backspace")
    assert page.locator("input:checked").count() == 0
    page.keyboard.press("1")
    with page.expect_download() as download:
        page.click("#export")
    assert download.value.suggested_filename == "ballot-Ann.json"
    saved = evol.folder / "ann.json"
    download.value.save_as(saved)
    assert set(orjson.loads(saved.read_bytes())["ranks"]) == {"a", "__proto__"}
    counted = evol.call("ballot", "count", saved, "--json")
    assert counted.returncode == 0, counted.stderr
    found = {(pair["a"], pair["b"]): pair for pair in orjson.loads(counted.stdout)["pairs"]}
    votes = {pair: (one["wins"], one["ties"], one["losses"]) for pair, one in found.items()}
    assert votes == {
        (names[0], names[1]): (1, 0, 1),
        (names[0], names[2]): (1, 0, 1),
        (names[1], names[2]): (0, 1, 1),
    }


@pytest.mark.parametrize("screen", SCREENS)
def test_a_person_reads_the_verdicts(
    evol: Evol, server: FakeServer, open_page: Open, screen: tuple[int, int, str]
) -> None:
    """The figures stand there, filters narrow the questions down, and a verdict opens beside its responses."""
    paths = write_rivals(
        evol.folder,
        {"a": [8.0] * 20 + [3.0] * 10, "b": [5.0] * 30},
        skill=["Math", "Roleplay", HOSTILE] * 10,
        difficulty=[1 + n % 10 for n in range(30)],
    )
    judge = make_judge()
    server.reply = lambda body: f"{HOSTILE}\n{judge(body)}"
    call_apart(evol, "compare", *paths, "--model", "j", "--base-url", server.url, "--html", "p.html")
    page = open_page(evol.folder / "p.html", screen)
    assert "66.7 %" in page.text_content(".tiles")
    shown = page.locator("details.question:visible")
    assert (shown.count(), page.text_content("#count")) == (30, "30 of 30 questions")
    page.select_option("#result", "loss")
    assert shown.count() == 10
    page.select_option("#skill", HOSTILE)
    assert shown.count() == 4
    page.fill("#words", "task 23.")
    page.get_by_text("1 of 30 questions", exact=True).wait_for()
    shown.locator("summary").click()
    assert shown.locator(".reading").count() == 2
    assert shown.locator(".reading").first.is_visible()
    told = shown.text_content()
    for text in ("a gives quality 3 to task 23.", "b gives quality 5", "a 3, b 5", "b read first, then a", HOSTILE):
        assert text in told
    page.fill("#words", "nothing of the kind")
    page.get_by_text("0 of 30 questions", exact=True).wait_for()
    assert shown.count() == 0


def test_a_page_of_a_thousand_questions_stays_quick(evol: Evol, server: FakeServer, open_page: Open) -> None:
    """Of many questions some are shown, evenly spread, and the page says so."""
    paths = write_rivals(evol.folder, {"a": [8.0] * 1500, "b": [5.0] * 1500})
    server.reply = make_judge()
    more = ("--html", "p.html", "--order", "alternate")
    call_apart(evol, "compare", *paths, "--model", "j", "--base-url", server.url, *more)
    page = open_page(evol.folder / "p.html", SCREENS[0])
    assert page.locator("details.question").count() == 750
    assert "Of 1,500 questions one in 2 is shown here" in page.text_content("main")
