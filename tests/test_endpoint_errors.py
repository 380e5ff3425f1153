from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import trustme

from conftest import KEY, Evol
from fake_server import FakeServer, Fault, kind_of, last_message


def error(message: str, code: str = "") -> bytes:
    """An OpenAI error body."""
    return orjson.dumps({"error": {"message": message, "code": code}})


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ((401, {}, error(f"Incorrect API key {KEY}")), "check the key"),
        ((403, {}, error("not allowed")), "check the key"),
        ((404, {}, error("no model m")), "model-a, model-b"),
        ((400, {}, error("unknown key top_p")), "check --model and the sampling keys"),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), "redirects are not followed"),
        ((429, {}, error("quota", "insufficient_quota")), "quota is used up"),
        ("html", "end in /v1"),
        ("truncated", "end in /v1"),
        ("no_choices", "end in /v1"),
    ],
)
def test_first_call_tells_what_to_check(evol: Evol, server: FakeServer, fault: Fault, words: str) -> None:
    """A wrong key, model, URL or server ends within seconds with exit 5, one sentence, and leaves nothing behind."""
    server.fault = lambda body, n: fault
    started = time.monotonic()
    ended = evol.run("--limit", "8")
    assert ended.returncode == 5, ended.stderr
    assert time.monotonic() - started < 25
    sentence = ended.stderr.strip().splitlines()[-1]
    assert sentence.startswith("evol: error:")
    assert words in sentence
    assert KEY not in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr
    assert server.peak == 1
    assert not list(evol.folder.iterdir())


def test_refused_connection_ends_with_exit_5(evol: Evol) -> None:
    """Nobody listens: exit 5, the address is named, nothing is left behind."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        evol.url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    started = time.monotonic()
    ended = evol.run("--limit", "2")
    assert ended.returncode == 5
    assert time.monotonic() - started < 25
    assert evol.url.removesuffix("/v1").removeprefix("http://") in ended.stderr
    assert not list(evol.folder.iterdir())


def test_wrong_host_name_ends_with_exit_5(evol: Evol) -> None:
    """A host that does not resolve: exit 5 within seconds."""
    evol.url = "http://no-such-host.invalid/v1"
    assert evol.run("--limit", "2").returncode == 5


def test_failed_first_call_does_not_bind_the_folder(evol: Evol, server: FakeServer) -> None:
    """After a wrong key the same folder can be used with another model."""
    assert evol.run("--limit", "2", OPENAI_API_KEY="wrong").returncode == 5
    config = evol.folder / "c.toml"
    config.write_text("[models.evolver]\nmodel = 'other'\n")
    assert evol.run("--limit", "2", "--generations", "1", "--config", config).returncode == 0


def test_key_lost_midway_ends_at_once_and_resumes(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """401 in the middle ends with exit 5 after writing the outputs; the same command goes on later."""
    seeds = write_seeds(10)
    server.fault = lambda body, n: (401, {}, error("revoked")) if server.total >= 15 else None
    ended = evol.run(seeds, "--generations", "2", "--concurrency", "2")
    assert ended.returncode == 5
    assert (evol.folder / "output" / "generation-2.jsonl").exists()
    server.fault = lambda body, n: None
    paid = set(server.counts)
    assert evol.run(seeds, "--generations", "2").returncode == 0
    again = [raw for raw in paid if server.counts[raw] > 1 and kind_of(orjson.loads(raw)) == "respond"]
    assert not again


def test_twenty_identical_refusals_end_the_run(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """A server that refuses everything with the same 400 is not asked for every seed."""
    server.fault = lambda body, n: (400, {}, error("broken adapter")) if server.total >= 20 else None
    ended = evol.run(write_seeds(100), "--generations", "1", "--concurrency", "2")
    assert ended.returncode == 5, ended.stderr
    assert "20 times in a row" in ended.stderr
    assert sum(server.seen.values()) < 50


def test_one_refused_seed_is_unfinished_and_does_not_block_resume(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """A 400 for one seed leaves its lineage unfinished (exit 3), also when a resume meets it first."""
    server.fault = lambda body, n: (400, {}, error("bad words")) if "item 5 of" in last_message(body) else None
    seeds = write_seeds(8)
    assert evol.run(seeds, "--generations", "1").returncode == 3
    assert evol.run(seeds, "--generations", "1").returncode == 3


def test_nothing_succeeds_any_more_ends_with_exit_5(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """When every call fails for `give_up_after` seconds, the run ends with exit 5; meanwhile few probes go out."""
    config = evol.folder / "c.toml"
    config.write_text("[limits]\nretry_for = 60\ngive_up_after = 4\n")
    server.fault = lambda body, n: (503, {}, b"down") if server.total >= 10 else None
    ended = evol.run(write_seeds(50), "--config", config, "--concurrency", "8")
    assert ended.returncode == 5, ended.stderr
    assert "nothing has succeeded for 1 s, the last failure was: HTTP 503" in ended.stderr
    assert "nothing succeeded for" in ended.stderr
    assert sum(server.seen.values()) < 120


def test_retry_after_as_a_date_is_obeyed(evol: Evol, server: FakeServer) -> None:
    """Retry-After may be an HTTP date; the next attempt waits for it."""
    stamps: list[float] = []

    def fault(body: dict[str, object], times_seen: int) -> Fault | None:
        stamps.append(time.time())
        if len(stamps) == 1:
            date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3))
            return (429, {"Retry-After": date}, b"")
        return None

    server.fault = fault
    assert evol.run("--limit", "1", "--generations", "0").returncode == 0
    assert stamps[1] - stamps[0] >= 1.5


def test_hanging_attempt_times_out_and_is_retried(evol: Evol, server: FakeServer) -> None:
    """`timeout` bounds one attempt; the next one may succeed."""
    config = evol.folder / "c.toml"
    config.write_text("[limits]\ntimeout = 1\n")
    server.fault = lambda body, n: "hang" if n == 0 else None
    assert evol.run("--limit", "2", "--generations", "0", "--config", config).returncode == 0
    assert set(server.seen.values()) == {2}


def test_a_bad_first_prompt_is_told_apart_from_bad_settings(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """A 400 for the very first prompt alone does not end the run; a harmless one shows that the settings are fine."""
    server.fault = lambda body, n: (400, {}, error("bad words")) if "item 0 of" in last_message(body) else None
    ended = evol.run(write_seeds(6), "--generations", "1")
    assert ended.returncode == 3, ended.stderr
    assert "seed s0 from generation 0 on: HTTP 400: bad words" in ended.stderr


def test_a_setting_that_one_role_cannot_use_shows_at_its_first_call(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """A key that the judge's requests hold and the server refuses ends the run before the rest is paid for."""
    config = evol.folder / "c.toml"
    config.write_text("[models.judge]\nextra_body = { foo = 1 }\n")
    server.fault = lambda body, n: (400, {}, error("unknown field foo")) if "foo" in body else None
    ended = evol.run(write_seeds(100), "--generations", "1", "--config", config, "--concurrency", "4")
    assert ended.returncode == 5, ended.stderr
    assert "unknown field foo" in ended.stderr
    assert server.total < 40


def test_a_moderated_prompt_is_blocked_not_the_end(evol: Evol, server: FakeServer) -> None:
    """A 403 that speaks of moderation concerns one prompt."""
    server.fault = lambda body, n: (
        (403, {}, error("Input flagged by moderation")) if kind_of(body) == "evolve" else None
    )
    assert evol.run("--limit", "2", "--generations", "1").returncode == 0
    rows = (evol.folder / "output" / "eliminated.jsonl").read_bytes()
    assert rows.count(b'"reason":"blocked"') == 2


def test_an_error_inside_a_200_reply_keeps_its_message(evol: Evol, server: FakeServer) -> None:
    """Some servers wrap an error into a 200 reply; its own status and message count."""
    wrapped = orjson.dumps({"error": {"message": "Insufficient credits", "code": 402}})
    server.fault = lambda body, n: (200, {"Content-Type": "application/json"}, wrapped)
    ended = evol.run("--limit", "2")
    assert ended.returncode == 5
    assert "HTTP 402: Insufficient credits" in ended.stderr


@pytest.mark.parametrize("cut", [0, 195, 296])
def test_an_echoed_key_is_written_nowhere(evol: Evol, server: FakeServer, cut: int) -> None:
    """A server that echoes the key, at any place of any body, never gets it into a file or onto the terminal."""
    texts = ["x" * cut + f" Bearer {KEY} not json", f'{{"error": {{"message": "{"y" * cut} {KEY}"}}}}']
    config = evol.folder / "c.toml"
    config.write_text("[limits]\nretry_for = 0.1\n")
    statuses = [200, 500, 400]
    server.fault = lambda body, n: (
        (statuses[server.seen.total() % 3], {}, texts[n % 2].encode()) if server.total >= 6 else None
    )
    ended = evol.run("--limit", "6", "--generations", "1", "--config", config)
    assert ended.returncode in (3, 5), ended.stderr
    written = b"".join(path.read_bytes() for path in (evol.folder / "output").iterdir() if path.is_file())
    assert b"[k" in written + ended.stderr.encode()
    for secret in (KEY, KEY[:-1], KEY[:8]):
        assert secret not in ended.stderr + ended.stdout
        assert secret.encode() not in written


def test_a_key_from_a_windows_file_works(evol: Evol, server: FakeServer) -> None:
    """A line end behind the key is no part of it; a control character inside it is one sentence."""
    assert evol.run("--limit", "1", "--generations", "0", OPENAI_API_KEY=f"{KEY}\r\n").returncode == 0
    ended = evol.run("--limit", "1", "--out", "other", OPENAI_API_KEY="sk-\x07x")
    assert ended.returncode == 5
    assert "OPENAI_API_KEY holds no key" in ended.stderr


def test_budget_remembers_requests_without_a_reply(evol: Evol, server: FakeServer) -> None:
    """Requests that brought nothing count for the life of the folder, also when it holds nothing else."""
    server.fault = lambda body, n: (500, {}, b"no")
    for _ in range(2):
        ended = evol.run("--limit", "2", "--max-calls", "4")
        assert ended.returncode == 4, ended.stderr
        assert "larger limit" in ended.stdout
    assert server.seen.total() == 4


def test_a_lone_surrogate_in_a_reply_is_replaced(evol: Evol, server: FakeServer) -> None:
    """A reply with half a character is a reply."""
    body = b'{"choices":[{"message":{"content":"Half \\ud83d of it"},"finish_reason":"stop"}]}'
    server.fault = lambda asked, n: (200, {"Content-Type": "application/json"}, body)
    assert evol.run("--limit", "1", "--generations", "0").returncode == 0
    assert "Half ? of it" in (evol.folder / "output" / "generation-0.jsonl").read_text()


def test_proxy_of_the_environment_is_used(evol: Evol, server: FakeServer) -> None:
    """HTTP_PROXY carries the call, NO_PROXY exempts a host."""
    proxy = server.url.removesuffix("/v1")
    evol.url = "http://api.example.invalid/v1"
    assert evol.run("--limit", "1", "--generations", "0", HTTP_PROXY=proxy).returncode == 0
    assert server.headers[-1]["Host"] == "api.example.invalid"
    refused = evol.run("--limit", "1", "--out", "o", HTTP_PROXY=proxy, NO_PROXY="api.example.invalid")
    assert refused.returncode == 5


def test_a_dummy_key_that_is_a_word_leaves_replies_alone(evol: Evol, server: FakeServer) -> None:
    """A server of one's own takes any key; where that is an ordinary word, rows still hold it."""
    server.key = "password"
    server.reply = lambda body: "Choose a long password."
    assert evol.run("--limit", "1", "--generations", "0", OPENAI_API_KEY="password").returncode == 0
    assert "Choose a long password." in (evol.folder / "output" / "generation-0.jsonl").read_text()


def test_certificates_are_checked_and_a_custom_authority_is_accepted(tmp_path: Path) -> None:
    """TLS works with SSL_CERT_FILE; without it an unknown certificate ends with exit 5 and says what is wrong."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with FakeServer(key=KEY, tls=tls) as server:
        evol = Evol(tmp_path, server.url)
        refused = evol.start("--limit", "1", "--generations", "0")
        _, stderr = refused.communicate(timeout=60)
        assert refused.returncode == 5
        assert "certificate" in stderr.splitlines()[-1].lower()
        assert not server.seen
        accepted = evol.start("--limit", "1", "--generations", "0", SSL_CERT_FILE=str(tmp_path / "ca.pem"))
        _, stderr = accepted.communicate(timeout=60)
        assert accepted.returncode == 0, stderr
