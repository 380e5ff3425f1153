"""Everything that reads what a model or a server said: whatever it is, a reading comes out, and in linear time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import get_args

import orjson
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from evol.backends.client import interpret_refusal, parse_completion
from evol.batchfiles import interpret, parse_result
from evol.cleaning import clean_instruction, strip_thinking
from evol.config import EliminatorConfig
from evol.elimination.loops import find_loop
from evol.elimination.readings import Reading
from evol.eliminator import Case, check_case, parse_verdict
from evol.errors import CallError, EndpointError, TransientCallError
from evol.evaluation.judging import parse_scores
from evol.formats import FORMATS, Sample, describe_for_axolotl, describe_for_llamafactory
from evol.packs import KINDS, Kind
from evol.rates import MAX_WAIT, read_hint
from evol.records import Completion, Reason
from evol.scorer import read_rating, read_ratings
from fuzzing import COUNT, compose, damage, fuzzed, may_refuse, wild

NAMES = compose(
    ("mix", ".jsonl", "\u2028", "\x85", '"', "\\", "é", "😀", ": ", "#", " ", "\ufeff", "\x7f", "\n"), most=4
)
VERDICTS = compose(
    (
        "Equal",
        "Not Equal",
        "not",
        "equal",
        "unequal",
        "non-equal",
        "\n",
        " ",
        ".",
        "?",
        "**",
        "if",
        "whether",
        "or",
        "n't",
        "#",
    )
)
SCORES = compose(
    (
        *("SCORES: 8 7", "8", "10", "0", "11", "7.5", "/10", " out of 10", "Response 1: ", "Second", "first", "score"),
        *(":", " ", "\n", ",", " and ", "{", "}", '"', '{"first": 8, "second": 7}', "[8, 7]", "rated instruction", "-"),
    )
)
REPLIES = compose(
    (
        *(
            "<think>",
            "</think>",
            "<new_instruction>",
            "</new_instruction>",
            "<prompt>",
            "</prompt>",
            "Sure!",
            "\n",
            "\n\n",
        ),
        *(
            "Sure, here is the rewritten prompt:",
            "#Rewritten Prompt#",
            "**New Instruction:**",
            "```",
            "```text\n",
            '"',
            "“",
            "”",
        ),
        *(
            "Note: I added a constraint.",
            "---",
            "***",
            " ",
            "Name a river.",
            "Here is",
            "：",
            "「",
            "」",
            "[",
            "]",
            "(",
        ),
    )
)
TEXTS = compose(
    (
        *(
            "Name a river. ",
            "sorry",
            "As an AI",
            "I cannot",
            "given prompt",
            "#Rewritten Prompt#",
            "Could you provide",
            "Note:",
        ),
        *(
            "```python\nx = 1\n```",
            "| a | b |\n|---|---|\n| 1 | 2 |\n",
            "SELECT * FROM t;",
            "<p>",
            '{"a": 1}',
            "a,b\n1,2\n",
            "=1+1",
        ),
        *(
            "Das ist gut. ",
            "これは。",
            "Это текст. ",
            "هذا نص. ",
            "यह है। ",
            "the table below",
            "1. ",
            "\n",
            "\n\n",
            " ",
            "the ",
        ),
        *(
            "Answer:",
            "Step 1",
            "no no no ",
            "😀",
            "\u202e",
            "\u2028",
            "?",
            '"',
            "“",
            "http://a.b/c",
            "$x^2$",
            "Hello! How can I",
        ),
    )
)


@fuzzed()
@given(VERDICTS)
def test_verdicts(reply: str) -> None:
    """Any verdict of the equality judge is one of three; an "equal" is never made of nothing."""
    verdict = parse_verdict(reply)
    assert verdict in ("equal", "not equal", None)
    assert verdict is None or "equal" in reply.casefold()


@fuzzed()
@given(SCORES, st.integers(1, 4))
def test_scores(reply: str, count: int) -> None:
    """Any reply of a scorer or a comparing judge gives ratings on the scale, or none."""
    ratings = [*read_ratings(reply, count), read_rating(reply), *(parse_scores(reply) or ())]
    assert len(ratings) >= count + 1
    assert all(rating is None or 1 <= rating <= 10 for rating in ratings)


@fuzzed()
@given(REPLIES, REPLIES)
def test_cleaning(reply: str, parent: str) -> None:
    """Cleaning only takes away: what is left stands in the reply as one piece."""
    cleaned = clean_instruction(reply, parent)
    assert cleaned.text in reply
    assert cleaned.text == cleaned.text.strip()
    assert cleaned.repairs or "new_instruction>" in reply or cleaned.text == reply.strip()
    assert not cleaned.truncated or not cleaned.text
    thought = strip_thinking(reply)
    assert strip_thinking(thought.text).text == thought.text


@fuzzed()
@given(
    TEXTS,
    TEXTS,
    st.none() | TEXTS,
    VERDICTS,
    st.sampled_from(KINDS),
    st.sampled_from(["strict", "paper"]),
    st.sampled_from(["stop", "length", ""]),
)
def test_rules(
    parent: str, evolution: str, response: str | None, verdict: str, kind: Kind, profile: str, finish: str
) -> None:
    """No rule breaks on any texts, and each elimination has a reason of the closed set and a detail in words."""
    case = Case("complicate_input", kind, parent, evolution, finish, verdict, response, finish)
    settings = EliminatorConfig.model_validate({"profile": profile})
    found = check_case(case, settings, ("given prompt",))
    if found is not None:
        assert found[0] in get_args(Reason)
        assert found[1]


@fuzzed()
@given(TEXTS, TEXTS, TEXTS, st.sampled_from(sorted(FORMATS)))
def test_formats(instruction: str, response: str, system: str, name: str) -> None:
    """Every format's row has its columns alone, survives JSON, and holds the response as it was."""
    form = FORMATS[name]
    row = form.shape(Sample("s.1", instruction, response, system))
    assert row.keys() >= form.columns.keys()
    assert row.keys() <= form.columns_with(system).keys()
    assert orjson.loads(orjson.dumps(row)) == row
    assert json.dumps(response, ensure_ascii=False)[1:-1] in json.dumps(row, ensure_ascii=False)


@fuzzed()
@given(NAMES)
def test_trainer_files(name: str) -> None:
    """The stanza for axolotl is YAML and `dataset_info.json` is JSON, whatever the mix is called."""
    (stanza,) = yaml.safe_load(describe_for_axolotl([name]))["datasets"]
    assert stanza["path"] == name
    assert json.loads(describe_for_llamafactory(name, [name], ""))[name]["file_name"] == name


COMPLETION = json.dumps(
    {
        "id": "x",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "A \\ud83d\\ude00 reply."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    }
).encode()
REFUSAL = (
    b'{"error": {"message": "maximum context length", "code": "context_length_exceeded", "innererror": {"code": 1}}}'
)
REPLY_KEYS = (
    *("choices", "message", "content", "refusal", "finish_reason", "usage", "prompt_tokens", "completion_tokens"),
    *("error", "code", "type", "innererror"),
)
BODIES = damage([COMPLETION, REFUSAL]) | wild(REPLY_KEYS).map(lambda value: json.dumps(value).encode())


@fuzzed()
@given(BODIES)
@example(b"[" * 100_000)
@example(b'{"choices":' + b"[" * 100_000)
@example(b'{"choices": [{"message": {"content": "\\ud800"}}], "usage": {"prompt_tokens": 1e400}}')
def test_bodies_of_replies(body: bytes) -> None:
    """Any body of a 200 reply is a completion, or an attempt that may be made again."""
    with may_refuse(TransientCallError, "the reply"):
        completion = parse_completion(body)
        assert completion.text.encode() or completion.finish_reason
        assert min(completion.input_tokens, completion.output_tokens) >= -1


HEADERS = (
    *("retry-after-ms", "Retry-After", "Date", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    *("x-ratelimit-limit-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
)
VALUES = compose(
    (
        *(
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "Mon, 1 Jan 2024 00:00:00 +0000",
            "1s",
            "6m0s",
            "20ms",
            "1h",
            "0",
            "-1",
            "1",
            ".",
        ),
        *(
            "1e999",
            "nan",
            "inf",
            "9" * 40,
            "1760000000000",
            ",",
            " ",
            ":",
            "GMT",
            "+9999",
            "Feb",
            "31",
            "٣",
            "d",
            "\x00",
            "__",
        ),
    ),
    most=4,
)


@fuzzed()
@given(st.dictionaries(st.sampled_from(HEADERS), VALUES), st.sampled_from([0.0, 1.7e9]))
def test_rate_headers(headers: dict[str, str], now: float) -> None:
    """Any rate headers give waits that can be waited, or none."""
    hint = read_hint(headers, now)
    if hint is None:
        return
    assert hint.retry_after is None or 0 <= hint.retry_after < float("inf")
    for allowance in filter(None, (hint.requests, hint.tokens)):
        assert allowance.left >= 0
        assert 0 <= allowance.wait_for(1000.0) <= MAX_WAIT


@fuzzed()
@given(BODIES, st.sampled_from([400, 401, 403, 404, 413, 422, 429, 500, 503]), VALUES)
def test_refusals(body: bytes, status: int, wait: str) -> None:
    """Any refusal is an outcome, or an error that says the status on one line."""
    with may_refuse(EndpointError if status in (401, 403) else CallError, f"HTTP {status}"):
        assert isinstance(interpret_refusal("http://h/v1", status, {"Retry-After": wait}, body), Completion)


RESULTS = tuple(
    b'{"id":"b","custom_id":"k","response":{"status_code":%d,"body":%s},"error":%s}' % line
    for line in (
        (200, COMPLETION, b"null"),
        (400, REFUSAL, b"null"),
        (200, b"null", b'{"code":"x","message":"expired"}'),
    )
)
RESULT_KEYS = ("custom_id", "response", "status_code", "body", "model", *REPLY_KEYS)


@fuzzed()
@given(damage(RESULTS) | wild(RESULT_KEYS, ("k",)).map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
def test_lines_of_batches(line: bytes) -> None:
    """Any line of a batch's results is an outcome or an error of a call, or it is told what is wrong with it."""
    try:
        result = parse_result(line)
    except ValueError:
        return
    with may_refuse(EndpointError if result.status in (401, 403, 429) else CallError):
        interpret(result, "m at h").text.encode()


STRICT, PAPER = EliminatorConfig(), EliminatorConfig(profile="paper")
READERS: dict[str, Callable[[str], object]] = {
    "clean_instruction": lambda text: clean_instruction(text, "Name a river."),
    "strip_thinking": strip_thinking,
    "parse_verdict": parse_verdict,
    "parse_scores": parse_scores,
    "read_rating": read_rating,
    "read_ratings": lambda text: read_ratings(text, 5),
    "find_loop": lambda text: find_loop(Reading(text)),
    "strict": lambda text: check_case(Case("deepen", "in-depth", "Name a river.", text, response=text), STRICT, ()),
    "strict response": lambda text: check_case(Case("breadth", "in-breadth", "A", TASK, response=text), STRICT, ()),
    "strict parent": lambda text: check_case(Case("deepen", "in-depth", text, TASK, response=TASK), STRICT, ()),
    "paper": lambda text: check_case(Case("deepen", "in-depth", "A", text, response=text), PAPER, ()),
}
TASK = "Name three rivers that flow north, and say why."
UNITS = (
    *(
        " ",
        "\n",
        "\t",
        "\r",
        " \n",
        "\u2028",
        "a",
        "1",
        "A",
        "é",
        "字",
        "a ",
        "1 ",
        "1.",
        "1,",
        "1. ",
        "- ",
        "| ",
        "| a |\n",
    ),
    *(
        '"',
        "'",
        "“",
        "„",
        "«",
        "`",
        "```",
        "```\n",
        "*",
        "#",
        "_",
        "-",
        "=",
        "(",
        "[",
        "{",
        "<",
        "\\",
        "$",
        "/",
        ":",
        ";",
        ".",
        ",",
    ),
    *(
        "<think>",
        "</think>",
        "<think></think>",
        "<new_instruction>",
        "</new_instruction>",
        "<a>",
        "[a](",
        '{"a":',
        "http://",
        "a@",
    ),
    *(
        "sorry ",
        "instruction ",
        "number ",
        "label ",
        "equal ",
        "not ",
        "if ",
        "scores: 1 ",
        "response 1: ",
        "first ",
        "the ",
        "Note: ",
    ),
    *(
        "---\n",
        "1\n",
        "a b ",
        "a,b\n",
        "x=1\n",
        "SELECT ",
        "no no ",
        "Sure, ",
        "10 ",
        "1-",
        "a-",
        "a'",
        "A: ",
        "?",
        "!",
        "。",
        "，",
    ),
)


SIZE = 100_000 if COUNT else 10_000
FRAMES = (("", ""), ("<think>", "x"), ("Name ", "\0!z"), ("Sure: ", "a?\n"))[: 4 if COUNT else 2]


@pytest.mark.parametrize("name", READERS)
def test_time_is_linear(name: str) -> None:
    """No reader takes seconds over 100 KB (here: 0.3 seconds over 10 KB) of one thing repeated."""
    read = READERS[name]
    slow = {}
    for unit in UNITS:
        for before, behind in FRAMES:
            begun = time.process_time()
            read(before + unit * (SIZE // len(unit)) + behind)
            if (taken := time.process_time() - begun) > SIZE / 33_000:
                slow[before, unit, behind] = round(taken, 1)
    assert slow == {}
