"""What a refusal means: the end of the run where the settings are to blame, else of one lineage; and the advice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from evol.backends.scripted import ScriptedBackend
from evol.config import LimitsConfig
from evol.errors import CallFailed, CallRejected, EmptyReplyError, EndpointError, EvolError, TransientCallError
from evol.gateway import FIRST_TRIES, RunStopped
from evol.health import SAME_REFUSALS
from evol.journal import JOURNAL_NAME, Journal
from evol.records import Completion, CompletionRequest
from gateways import make_gateway, run_with_journal
from virtual_time import VirtualLoop

Script = Callable[[CompletionRequest], str | Completion]
BODY = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "secret"}], "top_p": 0.9})
LIMITS = LimitsConfig(retry_for=20.0)


class Listing(ScriptedBackend):
    """A scripted endpoint that says which models it has."""

    def __init__(self, script: Script, names: list[str]) -> None:
        super().__init__(script)
        self.names = names

    async def list_models(self) -> list[str]:
        """The names it was given."""
        return self.names


def ask_in_turn(folder: Path, backend: ScriptedBackend, count: int = 1) -> tuple[list[object], int]:
    """Ask one after the other until the run would end; replies and errors, and requests as journaled."""

    async def main(journal: Journal, loop: VirtualLoop) -> tuple[list[object], int]:
        gateway = make_gateway(journal, {"evolver": backend}, loop, LIMITS)
        found: list[object] = []
        for number in range(count):
            try:
                request = CompletionRequest(f"s{number}", 1, "evolver", 1, BODY, number)
                found.append((await gateway.complete(request)).text)
            except RunStopped:
                found.append(gateway.fatal)
            except EvolError as error:
                found.append(error)
        return found, journal.attempts

    return run_with_journal(folder, main)


def refuse(status: int) -> Script:
    """Every request is refused with a status."""

    def script(wanted: CompletionRequest) -> str:
        raise CallRejected(f"HTTP {status}: no", status)

    return script


@pytest.mark.parametrize(
    ("status", "names", "advice"),
    [
        (404, ["a", "b"], "check --model; the server has a, b"),
        (404, list("abcdefgh"), "check --model; the server has a, b, c, d, e, f, g, h"),
        (404, list("abcdefghi"), "check --model; the server has a, b, c, d, e, f, g, h, …"),
        (404, [], "check --model, and --base-url (most servers want it to end in /v1)"),
        (300, ["a"], "the endpoint redirects, and redirects are not followed; name its final address with --base-url"),
        (399, ["a"], "the endpoint redirects, and redirects are not followed; name its final address with --base-url"),
        (
            400,
            ["a"],
            "check --model and the sampling keys; a key the server does not know can be left out with `key = false`",
        ),
    ],
)
def test_a_first_refusal_ends_the_run_with_advice(tmp_path: Path, status: int, names: list[str], advice: str) -> None:
    """The first call of all shows that the settings are wrong; the sentence says who refused, what, and what to do."""
    (error,), _ = ask_in_turn(tmp_path, Listing(refuse(status), names))
    assert isinstance(error, EndpointError)
    assert error.message == f"{ScriptedBackend(refuse(status)).label}: HTTP {status}: no"
    assert error.hint == advice


def test_an_endpoint_without_a_list_of_models(tmp_path: Path) -> None:
    """A backend that cannot list its models gets the general advice."""
    (error,), _ = ask_in_turn(tmp_path, ScriptedBackend(refuse(404)))
    assert isinstance(error, EndpointError)
    assert error.hint == "check --model, and --base-url (most servers want it to end in /v1)"


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("is_empty", [False, True])
def test_a_bad_prompt_fails_its_lineage_alone(tmp_path: Path, status: int, is_empty: bool) -> None:
    """If a harmless prompt with the same settings goes through, the refused one was to blame; both are counted."""
    asked: list[CompletionRequest] = []

    def script(wanted: CompletionRequest) -> str:
        asked.append(wanted)
        if wanted.body == BODY and wanted.seed_id != "s2":
            raise CallRejected("too odd", status)
        if is_empty and wanted.body != BODY:
            raise EmptyReplyError("nothing", 1, 0, "stop")
        return "fine"

    (first, second, third), attempts = ask_in_turn(tmp_path, ScriptedBackend(script), 3)
    for error in (first, second):
        assert isinstance(error, CallFailed)
        assert (error.message, error.status) == ("too odd", status)
    assert third == "fine"
    # the second refusal needs no harmless prompt any more
    assert [wanted.seed_id for wanted in asked] == ["s0", "s0", "s1", "s2"]
    harmless = orjson.loads(asked[1].body)
    assert harmless == {"model": "m", "messages": [{"role": "user", "content": "Say yes."}], "top_p": 0.9}
    assert attempts == 4
    records = [orjson.loads(line) for line in (tmp_path / JOURNAL_NAME).read_bytes().splitlines()]
    said = [record["error"] for record in records if record["kind"] == "failure"]
    assert "a harmless prompt, sent to tell a bad prompt from bad settings" in said


@pytest.mark.parametrize(("status", "requests"), [(400, 2), (413, 2), (422, 2), (405, 1)])
def test_bad_settings_are_told_from_bad_prompts(tmp_path: Path, status: int, requests: int) -> None:
    """If the harmless prompt is refused too, or the status is none that a prompt could cause, the run ends."""
    (error,), attempts = ask_in_turn(tmp_path, ScriptedBackend(refuse(status)))
    assert isinstance(error, EndpointError)
    assert attempts == requests


def test_the_same_refusal_again_and_again_ends_the_run(tmp_path: Path) -> None:
    """What worked once and is then refused in one way, call after call, works no more; one call fewer says nothing."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.seed_id == "s0":
            return "fine"
        raise CallRejected("HTTP 404: gone", 404)

    found, _ = ask_in_turn(tmp_path, Listing(script, ["other"]), SAME_REFUSALS + 1)
    assert found[0] == "fine"
    assert all(isinstance(error, CallFailed) for error in found[1:-1])
    last = found[-1]
    assert isinstance(last, EndpointError)
    assert last.message.endswith(f": HTTP 404: gone ({SAME_REFUSALS} times in a row)")
    assert last.hint == "check --model; the server has other"


def test_a_reply_begins_the_count_anew(tmp_path: Path) -> None:
    """Refusals alike that come again and again, with replies in between, also empty ones, are those of some prompts."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.position == SAME_REFUSALS:
            raise EmptyReplyError("nothing", 1, 0, "stop")
        if wanted.position % SAME_REFUSALS == 0:
            return "fine"
        raise CallRejected("HTTP 404: gone", 404)

    found, _ = ask_in_turn(tmp_path, ScriptedBackend(script), 3 * SAME_REFUSALS)
    assert (found.count("fine"), found.count("")) == (2, 1)
    assert sum(isinstance(error, CallFailed) for error in found) == 3 * SAME_REFUSALS - 3


@pytest.mark.parametrize(
    ("error", "is_over"),
    [
        (TransientCallError("cannot connect", unreachable=True), True),
        (TransientCallError("not JSON", 200, unreadable=True), True),
        (TransientCallError("HTTP 503", 503), False),
    ],
)
def test_giving_up(tmp_path: Path, error: TransientCallError, is_over: bool) -> None:
    """Who was never reached, or never made sense, is named with advice; a busy server costs the lineage alone."""

    def script(wanted: CompletionRequest) -> str:
        raise error

    (found,), attempts = ask_in_turn(tmp_path, ScriptedBackend(script))
    if is_over:
        assert attempts == FIRST_TRIES
        assert isinstance(found, EndpointError)
        assert found.message == f"{ScriptedBackend(script).label}: {error.message}"
        assert found.hint == "check --base-url (most servers want it to end in /v1), and that the server runs"
    else:
        assert isinstance(found, CallFailed)
        assert found.message == f"gave up after {attempts} attempts: HTTP 503"
        assert found.status == 503


def test_giving_up_after_a_success(tmp_path: Path) -> None:
    """Who was reached before is taken to come back: the lineage alone is given up."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.seed_id == "s0":
            return "fine"
        raise TransientCallError("cannot connect", unreachable=True)

    (first, second), _ = ask_in_turn(tmp_path, ScriptedBackend(script), 2)
    assert first == "fine"
    assert isinstance(second, CallFailed)
