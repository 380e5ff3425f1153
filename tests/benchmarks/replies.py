"""What the fake endpoint says: a function of the request body alone, cheap enough that the client is what is measured.

Told by the bundled pack's full prompts: an evolve request gets its instruction back, 12 to 18 words longer, between the
markers that the prompt asks for; the judge says "Not Equal"; whatever else is asked gets a response of about 300 tokens
(1.6 KB) of ordinary words. So evolve and judge replies are shorter than 300 tokens, as they are in life. No reply trips
a rule: every evolution survives, and a lineage of M generations makes all of its calls.

Nothing is parsed: the instruction is cut out of the body as the escaped JSON that it is, and put back into the reply.
"""

from __future__ import annotations

import random
import zlib

import orjson

OUTPUT_TOKENS = 300
_EVOLVE_MARK = b"<given_instruction>\\n"
_EVOLVE_END = b"\\n</given_instruction>"
_JUDGE_MARK = b"<first_instruction>"
_POOL = 64

_NOUNS = """bridge river market engine library harvest signal garden kitchen ledger voyage furnace orchard compass
    lantern theatre turbine village archive bakery canal desert factory glacier harbour island journal kettle laboratory
    meadow network observatory pasture quarry railway stadium tunnel vineyard workshop""".split()  # noqa: SIM905
_VERBS = """affects supports delays improves limits replaces explains protects changes measures connects reveals shapes
    balances predicts""".split()  # noqa: SIM905
_ADJECTIVES = """early narrow costly quiet ancient reliable seasonal hidden modern fragile distant common local heavy
    patient uneven""".split()  # noqa: SIM905


def make_sentence(draw: random.Random) -> str:
    """A plain sentence of ten to fourteen words."""
    first, second, third = (f"{draw.choice(_ADJECTIVES)} {draw.choice(_NOUNS)}" for _ in range(3))
    start = draw.choice(("In practice the", "For most people the", "Over the years the", "As a rule the"))
    return f"{start} {first} {draw.choice(_VERBS)} the {second} near a {third}."


def make_response(draw: random.Random) -> str:
    """About 300 tokens: twenty-one sentences in paragraphs of seven."""
    sentences = [make_sentence(draw) for _ in range(21)]
    return "\n\n".join(" ".join(sentences[start : start + 7]) for start in range(0, 21, 7))


def _make_clause(draw: random.Random) -> str:
    return (
        f" Also explain how one {draw.choice(_ADJECTIVES)} {draw.choice(_NOUNS)} {draw.choice(_VERBS)} the "
        f"{draw.choice(_NOUNS)}, and compare it with case {{}}"
        f"{draw.choice((' of your own', ' from the last year', ' that few people know'))}."
    )


_DRAW = random.Random("the same replies in every process")
_RESPONSES = tuple(orjson.dumps(make_response(_DRAW))[1:-1] for _ in range(_POOL))
_CLAUSES = tuple(_make_clause(_DRAW) for _ in range(_POOL))


def make_reply(body: bytes) -> bytes:
    """The JSON body of the chat completion that answers a request body."""
    draw = zlib.crc32(body)
    if (end := body.rfind(_EVOLVE_END)) > 0 and (start := body.rfind(_EVOLVE_MARK, 0, end)) > 0:
        clause = _CLAUSES[draw % _POOL].format(draw).encode()
        content = b"<new_instruction>%s%s</new_instruction>" % (body[start + len(_EVOLVE_MARK) : end], clause)
        tokens = len(content) // 5
    elif _JUDGE_MARK in body:
        content, tokens = b"Not Equal", 2
    else:
        content, tokens = _RESPONSES[draw % _POOL], OUTPUT_TOKENS
    asked = len(body) // 5
    return (
        b'{"id":"chatcmpl-%08x","object":"chat.completion","created":1750000000,"model":"fake","choices":[{"index":0,'
        b'"message":{"role":"assistant","content":"%s","refusal":null},"logprobs":null,"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}'
    ) % (draw, content, asked, tokens, asked + tokens)
