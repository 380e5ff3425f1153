"""The benchmark's endpoint keeps its word: what it counts and refuses is what the figures rest on."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
from endpoint_stats import EndpointStats
from latency import Latency
from limiters import MINUTE, format_duration, make_limiter
from replies import make_reply
from serving import serve

from evol.cleaning import clean_instruction
from evol.elimination.texts import count_words
from evol.packs import load_pack


def ask(port: int, body: bytes, pieces: int = 1) -> tuple[bytes, bytes]:
    """Head and body of the reply to one chat call, sent in this many pieces."""
    request = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    size = -(-len(request) // pieces)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for start in range(0, len(request), size):
            connection.sendall(request[start : start + size])
            time.sleep(0.01 if pieces > 1 else 0)
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        head, _, rest = received.partition(b"\r\n\r\n")
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += connection.recv(65536)
    return head, rest


def test_a_request_in_pieces_is_one_request() -> None:
    """Whatever TCP makes of a body, it is answered once, as if it had come whole."""
    with serve() as endpoint:
        assert ask(endpoint.port, b'{"some":"body"}', pieces=7)[1] == make_reply(b'{"some":"body"}')
        assert endpoint.stats().completions == 1
        endpoint.reset()
        assert endpoint.stats().requests == 0


def test_slots_queue_and_never_refuse() -> None:
    """Six calls of 100 ms for two servers: all answered, two at a time, in 300 ms, and the busy time is known."""
    with serve("--slots", "2", "--latency-ms", "100") as endpoint, ThreadPoolExecutor(6) as pool:
        heads = list(pool.map(lambda number: ask(endpoint.port, b"%d" % number)[0], range(6)))
        counts = endpoint.stats()
    assert all(head.startswith(b"HTTP/1.1 200 ") for head in heads)
    assert counts.raw["service_seconds"] == pytest.approx(0.6)
    assert counts.raw["peak_in_flight"] > 2  # who waits is in flight
    assert 0.59 < counts.raw["busy_slot_seconds"] <= 2 * counts.seconds  # late timers may lengthen it
    assert counts.seconds > 0.29


def test_a_refusal_says_what_it_was_told_to_say() -> None:
    """The third of three calls finds the bucket empty; Retry-After and OpenAI's headers stand in the 429."""
    flags = ("--rpm", "60", "--burst", "2", "--retry-after", "ms", "--ratelimit-headers")
    with serve(*flags) as endpoint:
        heads = [ask(endpoint.port, b"{}")[0] for _ in range(3)]
        counts = endpoint.stats()
    assert [head.split()[1] for head in heads] == [b"200", b"200", b"429"]
    assert b"retry-after: 1\r\n" in heads[2]
    assert b"x-ratelimit-remaining-requests: 0\r\n" in heads[2]
    assert (counts.raw["rejected"], counts.sum_seconds("admitted", 0, 9)) == (1, 2)


@pytest.mark.parametrize("kind", ["bucket", "fixed", "sliding"])
def test_a_patient_client_gets_the_allowance_and_not_one_more(kind: str) -> None:
    """Asking at every permit is never refused, adds up to `allowance`, and one more at once is refused."""
    limiter = make_limiter(kind, 120, 10)
    now, admitted = 1000.0, 0
    while True:
        now += limiter.next_permit(now) + (1e-9 if limiter.next_permit(now) else 0.0)
        if now >= 1000.0 + 2 * MINUTE - 0.01:
            break
        assert limiter.admit(now)
        admitted += 1
        assert limiter.remaining(now) or not limiter.admit(now)
    assert admitted == pytest.approx(limiter.allowance(2 * MINUTE - 0.01), abs=1)


def test_durations_read_as_openai_writes_them() -> None:
    """Milliseconds, seconds, minutes."""
    assert [format_duration(seconds) for seconds in (0.02, 1.5, 62.5)] == ["20ms", "1.5s", "1m2.5s"]


def test_latency_is_a_function_of_the_body() -> None:
    """The same body takes the same time, and the mean over many is the one asked for."""
    latency = Latency(0.25, 1.0)
    drawn = [latency.draw(b"%d" % number) for number in range(20_000)]
    assert drawn[7] == latency.draw(b"7")
    assert sum(drawn) / len(drawn) == pytest.approx(0.25, rel=0.05)


def test_busy_time_falls_into_its_seconds() -> None:
    """Two servers busy from 0.5 s to 2.25 s."""
    stats = EndpointStats()
    stats.arrive(10.0, 1)
    stats.occupy(10.5, 2)
    stats.occupy(12.25, -2)
    assert stats.report(13.0)["by_second"]["busy_slot_seconds"] == pytest.approx([1.0, 2.0, 0.5])


def test_every_operation_is_evolved_by_10_to_20_words() -> None:
    """The bundled pack's requests are understood; text that JSON escapes comes back as it was."""
    parent = 'Say "two" words:\n\tone \\ other, für alle.'
    for operation in load_pack("general", "full", {}).operations:
        messages = operation.template.render({"instruction": parent, "format": "JSON"})
        reply = orjson.loads(make_reply(orjson.dumps({"model": "x", "messages": messages})))
        child = clean_instruction(reply["choices"][0]["message"]["content"], parent).text
        assert child.startswith(parent)
        assert 10 <= count_words(child) - count_words(parent) <= 20
