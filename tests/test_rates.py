from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evol.rates import Allowance, Bucket, read_hint, read_retry_after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "Retry-After": "9"}, 0.25),
        ({"Retry-After": "Thu, 01 Jan 1970 00:01:40 GMT"}, 60.0),  # against our clock
        # a server whose clock is a day off, or ours: only the difference of its own two dates counts
        ({"Retry-After": "Fri, 02 Jan 1970 00:00:30 GMT", "Date": "Fri, 02 Jan 1970 00:00:00 GMT"}, 30.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1e999"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds or a date; what cannot be right is no request to wait."""
    assert read_retry_after(headers, 40.0) == seconds


@pytest.mark.parametrize(
    ("left", "reset", "limit", "expected"),
    [
        ("59", "1s", "60", Allowance(59, 1, 60)),
        ("149984", "6m0s", "150000", Allowance(149984, 360, 150000)),
        ("0", "20ms", "", Allowance(0, 0.02, 0)),
        ("5", "30", "10", Allowance(5, 30, 10)),
        ("5", "1000000030", "10", Allowance(5, 30, 10)),  # an epoch in seconds
        ("5", "1000000030000", "10", Allowance(5, 30, 10)),  # in milliseconds
        ("5", "1h0m1s", "10", Allowance(5, 3601, 10)),
    ],
)
def test_allowances(left: str, reset: str, limit: str, expected: Allowance) -> None:
    """What the servers' header styles say is left, and until when."""
    headers = {
        "x-ratelimit-remaining-requests": left,
        "x-ratelimit-reset-requests": reset,
        "x-ratelimit-limit-requests": limit,
    }
    hint = read_hint(headers, 1e9)
    assert hint is not None
    assert hint.requests == expected
    assert hint.odd == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "-5"},
        {"x-ratelimit-remaining-requests": "lots", "x-ratelimit-reset-requests": "1s"},
        {"x-ratelimit-remaining-tokens": "-3", "x-ratelimit-reset-tokens": "1s"},
        {"x-ratelimit-remaining-tokens": "3", "x-ratelimit-reset-tokens": "in a while"},
    ],
)
def test_an_absurd_header_is_passed_over_and_named(headers: dict[str, str]) -> None:
    """Nothing is concluded from it, and the user can be told which one it was."""
    hint = read_hint(headers, 1e9)
    assert hint is not None
    assert (hint.requests, hint.tokens, hint.retry_after) == (None, None, None)
    assert hint.odd.split(":")[0] in headers


NAMES = (
    "Retry-After",
    "Date",
    "retry-after-ms",
    *(f"x-ratelimit-{x}-requests" for x in ("remaining", "reset", "limit")),
)


@given(st.dictionaries(st.sampled_from(NAMES), st.text()))
def test_no_header_can_stop_the_run(headers: dict[str, str]) -> None:
    """Whatever stands there, every wait that follows from it is finite and not negative."""
    hint = read_hint(headers, 1e9)
    if hint is not None:
        waits = [hint.retry_after or 0.0, hint.requests.wait_for(1) if hint.requests else 0.0]
        assert all(0 <= wait < math.inf for wait in waits)


@given(st.floats(1, 1e5), st.lists(st.tuples(st.floats(0, 5), st.floats(0, 50)), max_size=60))
def test_a_bucket_keeps_its_minute(per_minute: float, takes: list[tuple[float, float]]) -> None:
    """Whoever waits as told takes no more than the limit in any 60 seconds, but for one oversized piece."""
    now, bucket, taken = 0.0, Bucket(per_minute, 0.0), []
    for pause, amount in takes:
        now += pause
        now += bucket.wait_for(amount, now) + 1e-6
        bucket.take(amount, now)
        taken.append((now, amount))
    for begin, _ in taken:
        window = [amount for at, amount in taken if begin <= at < begin + 60]
        assert sum(window) - max(window) <= per_minute * 1.001 + 1


def test_a_clock_that_jumps_back_does_no_harm() -> None:
    """The bucket neither overflows nor waits for the old time to return."""
    bucket = Bucket(60, 1000.0)
    bucket.take(1, 1000.0)
    assert bucket.wait_for(1, 0.0) <= 2.1
    assert bucket.wait_for(1, 1e9) == 0.0
