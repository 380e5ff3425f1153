"""An embeddings endpoint that does whatever it likes: one sentence, no memory, no key, nothing of it kept."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import pytest

from conftest import KEY, Evol
from evol.backends import embedder
from evol.backends.client import MAX_BODY_BYTES
from evol.errors import EndpointError
from fake_server import FakeServer, Fault
from test_secrets import check_streams, find_leaks


@pytest.fixture
def run(evol: Evol, write_seeds: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run of ten seeds, each with a response of its own; an embedder that tries once."""
    monkeypatch.setattr(embedder, "RETRIES", 0)
    seeds = write_seeds(10)
    assert evol.run(seeds, "--generations", "1").returncode == 0
    return evol.folder / "output"


def embed(evol: Evol, *more: str) -> Any:
    """Ask for the breadth of the run."""
    return evol.call("stats", "--embed-model", "m", "--embed-base-url", evol.url, *more)


@pytest.mark.parametrize(
    "data",
    [
        [{"index": -1, "embedding": [1.0]}],
        [{"index": 2**63, "embedding": [1.0]}],
        [{"index": "x", "embedding": [1.0]}],
        [{"index": [0], "embedding": [1.0]}],
        [{"index": 1, "embedding": [1.0]}],
        [{"index": 0, "embedding": []}],
        [{"index": 0, "embedding": "123"}],
        [{"index": 0, "embedding": {"1": 2}}],
        [{"index": 0, "embedding": [None]}],
        [{"index": 0, "embedding": [[1.0]]}],
        [{"index": 0, "embedding": [1e300]}],
        [{"index": 0, "embedding": ["nan"]}],
        [{"index": 0, "embedding": ["-inf"]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}],
        [{"embedding": [1.0]}, {"embedding": [1.0]}],
        [{"index": 0}],
        [None],
        {"index": 0},
        "abc",
        None,
        5,
    ],
)
def test_what_is_no_vector_is_refused(data: Any) -> None:
    """Wrong indices, shapes and numbers, and what a 32-bit float cannot hold."""
    with pytest.raises(EndpointError, match="embeddings"):
        embedder.read_vectors({"data": data}, 1, "m")


@pytest.mark.parametrize("body", [None, [], "data", 5, {}])
def test_what_is_no_reply_is_refused(body: Any) -> None:
    """Any JSON at all."""
    with pytest.raises(EndpointError, match="holds no embeddings"):
        embedder.read_vectors(body, 1, "m")


def test_absurd_usage_is_not_counted() -> None:
    """Negative, enormous and wrong counts of tokens leave the sum as it is."""
    for tokens in (-5, 10**18, True, "many", None, [1]):
        body: Any = {"data": [{"index": 0, "embedding": [1.0]}], "usage": {"total_tokens": tokens}}
        found = embedder.Embedder("m", mock.Mock(return_value=body))
        assert found.embed(["a"]) == [[1.0]]
        assert found.tokens == 0


FLOODS: dict[str, Fault] = {
    "long": (200, {"Content-Type": "application/json"}, b" " * (MAX_BODY_BYTES + 1)),
    "packed": (200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * (64 << 20), 1)),
    "a long refusal": (400, {}, b"x" * (MAX_BODY_BYTES + 1)),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_given_up(evol: Evol, server: FakeServer, run: Path, name: str) -> None:
    """A reply beyond what embeddings can be, and a packed one, are no embeddings; exit 5, and nothing is kept."""
    server.fault = lambda body, seen: FLOODS[name]
    done = embed(evol)
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 1000
    said = {"long": f"a reply of over {MAX_BODY_BYTES:,} bytes", "packed": "the reply is not JSON"}
    assert said.get(name, "HTTP 400") in done.stderr
    assert not list(run.glob("embeddings*"))
    server.fault = lambda body, seen: None
    assert embed(evol).returncode == 0


@pytest.mark.parametrize("status", [200, 301, 307, 400, 401, 403, 413, 418, 429, 500])
def test_an_echoed_key_is_shown_nowhere(evol: Evol, server: FakeServer, run: Path, status: int) -> None:
    """Refusals, redirects and replies that hold the key, plain and escaped; another host is not asked."""
    escaped = KEY.replace("s", "\\u0073").encode()
    content = b'{"error":{"message":"Bearer %s or %s","code":"%s"}}' % (KEY.encode(), escaped, KEY.encode())
    with FakeServer() as elsewhere:
        headers = {"Location": f"{elsewhere.url}/embeddings?{KEY}", "Content-Type": "application/json"}
        server.fault = lambda body, seen: (status, headers, content)
        done = embed(evol, "--json")
        assert done.returncode == 5, done.stderr
        check_streams(done)
        assert not elsewhere.headers
    assert not find_leaks(evol.folder)


def test_vectors_that_are_too_large_for_the_file_are_not_kept(evol: Evol, server: FakeServer, run: Path) -> None:
    """What would be read back as infinite is refused where it came from; well again, nothing has to be removed."""
    server.embed = lambda text: [1e300, 1.0]
    done = embed(evol)
    assert (done.returncode, "no finite numbers" in done.stderr) == (5, True)
    server.embed = lambda text: [1.0, 2.0]
    assert embed(evol).returncode == 0


def test_plain_http_to_another_machine_is_warned_of(evol: Evol, server: FakeServer, run: Path) -> None:
    """Before the first text leaves; loopback is silent, and so is who asks nobody."""
    assert "warning" not in embed(evol).stderr
    proxy = server.url.removesuffix("/v1")
    words = ["stats", "--embed-model", "m", "--embed-base-url", "http://api.example.invalid/v1"]
    warned = evol.invoke(words, HTTP_PROXY=proxy)
    assert "is plain http: key and texts can be read on the way" in warned.stderr
    asked = [line for line in warned.stderr.splitlines() if "warning" in line or "asking" in line]
    assert "warning" in asked[0]


def test_the_reply_is_read_as_before(evol: Evol, server: FakeServer, run: Path) -> None:
    """A reply of some megabytes, as long vectors make them, is taken."""
    server.embed = lambda text: [float(len(text) + n % 7) for n in range(4096)]
    done = embed(evol, "--json")
    assert done.returncode == 0, done.stderr
    [found] = orjson.loads(done.stdout)
    assert found["breadth"]["dimensions"] == 4096
