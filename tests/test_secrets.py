"""A key is sent to its endpoint and appears nowhere else: not in a file, not on a stream, not in a process list."""

from __future__ import annotations

import itertools
import json
import os
import stat
import subprocess
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from conftest import KEY, SEEDS, Evol
from evol.backends.endpoint import is_exposed
from evol.gateway import Gateway
from fake_server import FakeServer, Fault, kind_of
from trials import make_server, write_questions

pytestmark = pytest.mark.usefixtures("impatience")

ESCAPED = KEY.replace("s", "\\u0073").replace("-", "\\u002d")
"""The key as JSON may hide it."""
PIECE = len(KEY) - 3
"""So many characters of the key in a row are a leak as well."""


def says(text: str) -> bytes:
    """A chat completion, given as it stands in JSON."""
    return b'{"choices":[{"message":{"content":"%s"},"finish_reason":"stop"}]}' % text.encode()


ECHOES: dict[str, Fault] = {
    "401": (401, {}, b'{"error":{"message":"bad key %s","code":"%s"}}' % (KEY.encode(), KEY.encode())),
    "400": (400, {}, b'{"error":{"message":"%s"}}' % (b"x" * 290 + KEY.encode())),
    "400, escaped": (400, {}, b'{"error":{"message":"Bearer %s is odd"}}' % ESCAPED.encode()),
    "400, a list": (400, {}, b'["%s"]' % KEY.encode()),
    "500": (500, {}, b"oops: Bearer %s" % KEY.encode()),
    "500, escaped": (500, {}, b'{"error":{"type":"%s","message":"%s"}}' % (KEY.encode(), ESCAPED.encode())),
    "429, header": (429, {"Retry-After": KEY, "x-ratelimit-remaining-requests": KEY}, b'{"error":{"message":"slow"}}'),
    "200, header": (200, {"x-ratelimit-remaining-tokens": f"{'9' * 50} {KEY}", "X-Echo": KEY}, says("Fine, then.")),
    "200, no JSON": (200, {}, b"Bearer %s and so on" % KEY.encode()),
    "200, wrapped": (200, {}, b'{"error":{"message":"%s","code":"%s"}}' % (ESCAPED.encode(), KEY.encode())),
    "200, reply": (200, {}, says(f"Your key is {KEY}, or {ESCAPED}, and that is all that I can tell you about it.")),
    "200, finish": (200, {}, says("Fine.").replace(b'"stop"', b'"%s"' % KEY.encode())),
    "302": (302, {"Location": f"http://evil.invalid/?{KEY}"}, KEY.encode()),
    "404": (404, {}, b'{"error":{"message":"no model, but %s"}}' % KEY.encode()),
}

CASES = [*zip(ECHOES, itertools.cycle(["evolve", "respond", "judge"]), strict=False)]


def find_leaks(folder: Path) -> list[str]:
    """Files that hold the key or a long piece of it, in their names or in their bytes."""
    pieces = [KEY[start : start + PIECE].encode() for start in range(len(KEY) - PIECE + 1)]
    pieces += [piece.decode().encode("utf-16-le") for piece in pieces]
    return [
        str(path)
        for path in folder.rglob("*")
        if any(piece.decode(errors="replace") in path.name for piece in pieces)
        or (path.is_file() and any(piece in path.read_bytes() for piece in pieces))
    ]


def check_streams(done: subprocess.CompletedProcess[str]) -> None:
    """Nothing of the key was printed."""
    for start in range(len(KEY) - PIECE + 1):
        assert KEY[start : start + PIECE] not in done.stdout + done.stderr, done.stderr


@pytest.mark.parametrize(
    ("echo", "role"), [*zip(ECHOES, itertools.cycle(["evolve", "respond", "judge"]), strict=False)]
)
def test_an_echoed_key_reaches_no_file_and_no_stream(evol: Evol, server: FakeServer, echo: str, role: str) -> None:
    """Whatever part of whatever reply holds the key, midway in a run: all files and all outputs are searched."""
    config = evol.folder / "c.toml"
    config.write_text("[limits]\nretry_for = 0.1\ngive_up_after = 1\ntimeout = 2\n")
    server.fault = lambda body, seen: ECHOES[echo] if server.total >= 8 and kind_of(body) == role else None
    for flag in ("--quiet", "--json"):
        check_streams(evol.run("--limit", "5", "--generations", "2", "--config", config, "--concurrency", "2", flag))
    for words in (
        ("stats",),
        ("stats", "--json"),
        ("merge", "--allow-unfinished"),
        ("merge", "--allow-unfinished", "--json"),
    ):
        check_streams(evol.call(*words))
    assert server.counts
    assert not find_leaks(evol.folder)


@pytest.mark.parametrize("echo", list(ECHOES))
def test_an_echo_to_the_first_call_is_blotted_as_well(evol: Evol, server: FakeServer, echo: str) -> None:
    """The first call explains what is wrong, with names of models that the server has: the key is none of them."""
    server.fault = lambda body, seen: ECHOES[echo]
    server.models = [f"model {KEY}"]
    config = evol.folder / "c.toml"
    config.write_text("[limits]\nretry_for = 0.1\ngive_up_after = 1\ntimeout = 2\n")
    check_streams(evol.run("--limit", "2", "--generations", "1", "--config", config))
    assert not find_leaks(evol.folder)


def test_every_command_keeps_the_key_to_itself(evol: Evol, server: FakeServer) -> None:
    """Every command that asks or shows, with all its outputs: only the endpoint has seen the key."""
    make_server(server)
    write_questions(evol.folder)
    asked = ("--model", "m", "--base-url", evol.url)
    done = [
        evol.run("--dry-run", "--limit", "3"),
        evol.run("--dry-run", "--limit", "3", "--json"),
        evol.run("--limit", "3", "--generations", "1", "--json"),
        evol.call("score", "--json"),
        evol.call("stats", "--html", "report.html"),
        evol.call("merge", "--out", "mixed"),
        evol.call("respond", "q.jsonl", "--out", "a.jsonl", *asked),
        evol.call("respond", "q.jsonl", "--out", "b.jsonl", *asked, "--json"),
        evol.call("compare", "a.jsonl", "b.jsonl", "--html", "v.html", *asked, "--json"),
        evol.call("ballot", "make", "a.jsonl", "b.jsonl"),
        evol.call("packs", "show", "general", "deepen"),
        evol.call("run", "--help"),
    ]
    for one in done:
        check_streams(one)
        assert one.returncode in (0, 2), one.stderr
    assert all(headers["Authorization"] == f"Bearer {KEY}" for headers in server.headers)
    assert not find_leaks(evol.folder)


def test_a_traceback_does_not_show_the_key(evol: Evol, server: FakeServer) -> None:
    """A bug ends with its traceback, and values stand in none of its lines."""

    async def stumble(self: Gateway, request: Any) -> Any:
        key = os.environ["OPENAI_API_KEY"]
        assert key == KEY
        raise RuntimeError("a bug")

    with mock.patch.object(Gateway, "complete", stumble), pytest.raises(BaseException) as caught:  # noqa: PT011
        evol.run("--limit", "1")
    shown = "".join(traceback.format_exception(caught.value))
    assert "a bug" in shown
    assert KEY not in shown
    assert not find_leaks(evol.folder)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_no_process_list_shows_the_key(evol: Evol, server: FakeServer) -> None:
    """While a run asks, its command line does not hold the key."""
    server.latency = lambda body: 0.2
    process = evol.start("--limit", "2", "--generations", "1")
    while not server.headers and process.poll() is None:
        pass
    shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert b"evol.cli" in shown
    assert KEY.encode() not in shown
    process.kill()
    process.communicate()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("when", [0, 6])
def test_a_redirect_carries_the_key_nowhere(evol: Evol, server: FakeServer, status: int, when: int) -> None:
    """Whatever the endpoint points at, first or midway, is not even connected to."""
    with FakeServer() as elsewhere:
        location = {"Location": f"{elsewhere.url}/chat/completions", "Refresh": f"0; url={elsewhere.url}"}
        server.fault = lambda body, seen: (status, location, b"") if server.total >= when else None
        ended = evol.run("--limit", "4", "--generations", "1", "--concurrency", "2")
        assert ended.returncode in (3, 5), ended.stderr
        assert not elsewhere.headers
    assert not find_leaks(evol.folder)


def test_a_word_as_key_leaves_replies_and_a_real_one_does_not(evol: Evol, server: FakeServer) -> None:
    """A dummy key of letters may stand in a row; a real one is blotted out of it."""
    server.reply = lambda body: f"The words are password and {KEY}, as everybody knows by now, and nothing else."
    assert evol.run("--limit", "1", "--generations", "0").returncode == 0
    row = json.loads((evol.folder / "output" / "generation-0.jsonl").read_text())
    assert row["response"].startswith("The words are password and [key], as")


def test_a_new_run_folder_is_its_owners_alone(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """A folder that a run makes admits nobody else; folders above it, and one that was there, stay as they are."""
    old = os.umask(0o022)
    try:
        (evol.folder / "there").mkdir(mode=0o750)
        for out in ("new", "there", "deep/er"):
            assert evol.run("--limit", "1", "--generations", "0", "--out", out).returncode == 0
    finally:
        os.umask(old)
    modes = {name: stat.S_IMODE((evol.folder / name).stat().st_mode) for name in ("new", "there", "deep", "deep/er")}
    assert modes == {"new": 0o700, "there": 0o750, "deep": 0o755, "deep/er": 0o700}


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("http://localhost:8000/v1", False),
        ("http://127.0.0.1/v1", False),
        ("http://127.8.9.1/v1", False),
        ("http://[::1]:8000/v1", False),
        ("http://api.localhost/v1", False),
        ("https://api.example.org/v1", False),
        ("http://api.example.org/v1", True),
        ("http://192.168.1.7:8000/v1", True),
        ("http://[2001:db8::1]/v1", True),
        ("http://127.0.0.1.example.org/v1", True),
        ("HTTP://localhost.example.org/v1", True),
    ],
)
def test_what_can_be_read_on_the_way(url: str, exposed: bool) -> None:
    """Plain http beyond this machine; https and loopback are private."""
    assert is_exposed(url) is exposed


def test_plain_http_to_another_machine_is_warned_of(evol: Evol, server: FakeServer) -> None:
    """Before the first call, once for each endpoint; loopback is silent."""
    quiet = evol.run("--limit", "1", "--generations", "0")
    assert "warning" not in quiet.stderr
    proxy = server.url.removesuffix("/v1")
    evol.url = "http://api.example.invalid/v1"
    warned = evol.run(SEEDS / "code.jsonl", "--limit", "1", "--generations", "0", "--out", "o", HTTP_PROXY=proxy)
    assert warned.returncode == 0, warned.stderr
    assert warned.stderr.count("is plain http: key and texts can be read on the way") == 1
