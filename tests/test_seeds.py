"""Seed files: every accepted shape gives the same seeds, every fault is one SeedError that names its place."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evol.errors import SeedError
from evol.files import data_folder
from evol.folder import serialise_seed
from evol.records import Seed
from evol.seeds import MAX_INSTRUCTION_CHARS, SeedTally, digest_instruction, read_seeds

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


def read(path: Path, content: str | bytes, limit: int | None = None) -> tuple[list[Seed], SeedTally]:
    """Write a seeds file and read it."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    tally = SeedTally()
    return list(read_seeds(path, limit, tally)), tally


def write_record(**record: Any) -> str:
    """One JSON line."""
    return json.dumps(record, ensure_ascii=False) + "\n"


RECORDS = (
    {"instruction": "Add 2 and 3.", "response": "5"},
    {"instruction": "Add 2 and 3.", "output": "5"},
    {"instruction": "Add 2 and 3.", "input": "", "output": "5"},
    {"instruction": "Add 2 and 3.", "input": None, "output": "5", "skill": "math"},
    {"messages": [{"role": "user", "content": "Add 2 and 3."}, {"role": "assistant", "content": "5"}]},
    {"conversations": [{"from": "human", "value": "Add 2 and 3."}, {"from": "gpt", "value": "5"}]},
    {"conversations": [{"from": "user", "value": "Add 2 and 3."}, {"from": "model", "value": "5"}]},
)


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("layout", ["lines", "array", "indented array", "lines in .json", "no suffix"])
def test_every_shape_gives_the_same_seed(tmp_path: Path, record: dict[str, Any], layout: str) -> None:
    """Alpaca, chat, ShareGPT and plain records give one seed, whatever file they stand in."""
    name = {"lines": "s.jsonl", "no suffix": "seeds"}.get(layout, "s.json")
    content = {
        "array": json.dumps([record]),
        "indented array": json.dumps([record], indent=2),
    }.get(layout, write_record(**record))
    seeds, tally = read(tmp_path / name, content)
    skill = str(record.get("skill", ""))
    assert seeds == [Seed(id=digest_instruction("Add 2 and 3."), instruction="Add 2 and 3.", response="5", skill=skill)]
    assert (tally.count, tally.with_response, tally.repeats, tally.dropped_turns) == (1, 1, 0, 0)


def test_alpaca_input_follows_after_a_blank_line(tmp_path: Path) -> None:
    """Alpaca's input is part of the instruction, one blank line below it."""
    seeds, _ = read(tmp_path / "s.jsonl", write_record(instruction="Sort these.\n", input="\nb, a", output="a, b"))
    assert seeds[0].instruction == "Sort these.\n\nb, a"


@pytest.mark.parametrize("name", ["s.txt", "s.text", "seeds"])
def test_text_has_one_instruction_a_line(tmp_path: Path, name: str) -> None:
    """Text files need no markup; blank lines are nothing, quotes and braces are text."""
    seeds, _ = read(tmp_path / name, 'Say "hi".\n\n   \nUse {x} in a sentence.\n')
    assert [seed.instruction for seed in seeds] == ['Say "hi".', "Use {x} in a sentence."]
    assert not any(seed.response for seed in seeds)


def test_a_jsonl_line_may_be_a_bare_string(tmp_path: Path) -> None:
    """A JSON string is an instruction of its own."""
    seeds, _ = read(tmp_path / "s.json", '["One.", "Two."]')
    assert [seed.instruction for seed in seeds] == ["One.", "Two."]


@pytest.mark.parametrize("name", ["s.jsonl", "s.json", "s.txt"])
def test_bom_and_crlf_are_accepted(tmp_path: Path, name: str) -> None:
    """A file saved by a Windows editor reads like any other."""
    lines = ["Name a river.", "Name a lake."]
    body = "\r\n".join(lines if name == "s.txt" else [json.dumps({"instruction": line}) for line in lines]) + "\r\n"
    seeds, _ = read(tmp_path / name, b"\xef\xbb\xbf" + body.encode())
    assert [seed.instruction for seed in seeds] == lines


def test_given_ids_stay_and_integers_become_strings(tmp_path: Path) -> None:
    """An id is kept as it is; an integer one is its decimal text."""
    lines = [write_record(id=given, instruction="Same text.") for given in ("a/../b", 7, 0, -1, "ü 1")]
    seeds, _ = read(tmp_path / "s.jsonl", "".join(lines))
    assert [seed.id for seed in seeds] == ["a/../b", "7", "0", "-1", "ü 1"]


@pytest.mark.parametrize(
    "spelling", ["Caf\u00e9  au\nlait?", "Cafe\u0301 au lait?", "\tCaf\u00e9 au\u00a0lait?  ", "Cafe\u0301\r\nau lait?"]
)
def test_hashed_id_is_over_normalised_text(tmp_path: Path, spelling: str) -> None:
    """Without an id it is 16 hex digits of sha256 over NFC text with white space collapsed."""
    seeds, _ = read(tmp_path / "s.jsonl", write_record(instruction=spelling))
    expected = hashlib.sha256("Caf\u00e9 au lait?".encode()).hexdigest()[:16]
    assert seeds[0].id == expected
    assert seeds[0].instruction == spelling.strip()


def test_repeats_without_id_are_dropped_with_a_count(tmp_path: Path) -> None:
    """The first of several equal instructions stays, in its place."""
    lines = [write_record(instruction=text) for text in ("One.", "Two.", "One.", " One.", "Three.", "Two.")]
    seeds, tally = read(tmp_path / "s.jsonl", "".join(lines))
    assert [seed.instruction for seed in seeds] == ["One.", "Two.", "Three."]
    assert (tally.count, tally.repeats) == (3, 3)


def test_repeats_with_ids_of_their_own_stay(tmp_path: Path) -> None:
    """Whoever gives ids decides what is the same."""
    seeds, tally = read(tmp_path / "s.jsonl", "".join(write_record(id=i, instruction="One.") for i in range(3)))
    assert (len(seeds), tally.repeats) == (3, 0)


@pytest.mark.parametrize("limit", [1, 2, 3, 9])
def test_limit_takes_the_first(tmp_path: Path, limit: int) -> None:
    """`--limit N` is the first N seeds, repeats not counted."""
    lines = ["One.", "One.", "Two.", "Three."]
    seeds, tally = read(tmp_path / "s.txt", "\n".join(lines), limit)
    assert [seed.instruction for seed in seeds] == ["One.", "Two.", "Three."][:limit]
    assert tally.count == min(limit, 3)


def test_faults_after_the_limit_do_not_matter(tmp_path: Path) -> None:
    """A trial with `--limit 1` works on a file whose end is broken."""
    seeds, _ = read(tmp_path / "s.jsonl", write_record(instruction="One.") + "{broken\n", 1)
    assert len(seeds) == 1


def test_later_turns_are_dropped_with_a_count(tmp_path: Path) -> None:
    """Of a chat the first user turn and the reply right after it are taken."""
    turns = [
        ("assistant", "Hello!"),
        ("user", "Name a sea."),
        ("assistant", "Baltic."),
        ("user", "And?"),
        ("tool", "x"),
    ]
    line = write_record(messages=[{"role": role, "content": text} for role, text in turns])
    seeds, tally = read(tmp_path / "s.jsonl", line)
    assert (seeds[0].instruction, seeds[0].response) == ("Name a sea.", "Baltic.")
    assert tally.dropped_turns == 3


def test_a_user_turn_without_reply_has_no_response(tmp_path: Path) -> None:
    """A second user turn is not taken for the reply."""
    line = write_record(messages=[{"role": "user", "content": "One."}, {"role": "user", "content": "Two."}])
    seeds, tally = read(tmp_path / "s.jsonl", line)
    assert (seeds[0].instruction, seeds[0].response, tally.dropped_turns) == ("One.", "", 1)


@pytest.mark.parametrize("response", ["", "  \n\t", None])
def test_an_empty_response_counts_as_none(tmp_path: Path, response: str | None) -> None:
    """White space is no response, so that one will be generated."""
    seeds, tally = read(tmp_path / "s.jsonl", write_record(instruction="One.", response=response))
    assert (seeds[0].response, tally.with_response) == ("", 0)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("{not json", "JSON"),
        ('{"instruction": "a"} {"instruction": "b"}', "JSON"),
        ('{"instruction": NaN}', "NaN"),
        ('{"instruction": "a", "score": -Infinity}', "Infinity"),
        ('{"instruction": "a", "instruction": "b"}', "twice"),
        ('{"instruction": "a", "meta": {"k": 1, "k": 2}}', "twice"),
        ("[" * 100_000, "deep"),
        ('{"instruction": "a", "x": ' + '{"x":' * 100_000, "deep"),
        ("7", "object"),
        ("null", "object"),
        ('["a"]', "object"),
        ("{}", "instruction"),
        ('{"prompt": "a"}', "instruction"),
        ('{"instruction": ""}', "empty"),
        ('{"instruction": " \\n\\u00a0"}', "empty"),
        ('{"instruction": null}', "null"),
        ('{"instruction": 5}', "number"),
        ('{"instruction": true}', "boolean"),
        ('{"instruction": ["a"]}', "list"),
        ('{"instruction": "a", "input": 5}', "input"),
        ('{"instruction": "a", "output": {}}', "output"),
        ('{"instruction": "a \\ud800 b"}', "surrogate"),
        ('{"instruction": "a", "response": "\\udfff"}', "surrogate"),
        ('{"instruction": "a", "id": "\\udfff"}', "surrogate"),
        ('{"instruction": "a\\u0000b"}', "NUL"),
        ('{"instruction": "a", "input": "\\u0000"}', "NUL"),
        (json.dumps({"instruction": "x" * (MAX_INSTRUCTION_CHARS + 1)}), "100,001"),
        (json.dumps({"instruction": "x" * 10_000_000}), "10,000,000"),
        ('{"instruction": "a", "id": ""}', "id"),
        ('{"instruction": "a", "id": 1.5}', "id"),
        ('{"instruction": "a", "id": true}', "id"),
        ('{"instruction": "a", "id": ["a"]}', "id"),
        (json.dumps({"instruction": "a", "id": "x" * 201}), "id"),
        (json.dumps({"instruction": "a", "id": 10**200}), "id"),
        ('{"instruction": "a", "id": "s3"}', "'s3'"),
        ('{"messages": []}', "list of turns"),
        ('{"messages": "a"}', "list of turns"),
        ('{"messages": ["a"]}', "turn"),
        ('{"messages": [{"role": "user", "content": 5}]}', "content"),
        ('{"messages": [{"role": "user"}]}', "empty"),
        ('{"messages": [{"role": "assistant", "content": "a"}]}', "user"),
        ('{"messages": [{"role": ["user"], "content": "a"}]}', "role"),
        ('{"messages": [{"role": {}, "content": "a"}]}', "role"),
        ('{"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]}', "system"),
        ('{"conversations": [{"from": "system", "value": "a"}, {"from": "human", "value": "b"}]}', "system"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, word: str) -> None:
    """The 17th of many lines is at fault, and the message says so and why."""
    good = "".join(write_record(id=f"s{number}", instruction=f"Task {number}.") for number in range(16))
    with pytest.raises(SeedError) as caught:
        read(tmp_path / "s.jsonl", good + line + "\n" + write_record(instruction="Fine."))
    assert str(caught.value).startswith(f"{tmp_path / 's.jsonl'}:17: ")
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "where", "word"),
    [
        (b"", "", "no seeds"),
        (b"\n \n\r\n", "", "no seeds"),
        (b"\xef\xbb\xbf", "", "no seeds"),
        (b'{"instruction": "a"}\n\x89PNG\r\n\x1a\n\x00\x00', ":2", "UTF-8"),
        (b'{"instruction": "a"}\n\x00\n', ":2", "NUL"),
        ('{"instruction": "a"}'.encode("utf-16"), ":1", "NUL"),
        ('{"instruction": "\u00e9"}\n'.encode("latin-1"), ":1", "UTF-8"),
        (b'{"instruction": "a"}\n{"instruction": "' + b"x" * (16 * 1024 * 1024) + b'"}', ":2", "16,777,216"),
    ],
    ids=["empty", "blank", "only a BOM", "png", "NUL", "UTF-16", "latin-1", "huge line"],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, where: str, word: str) -> None:
    """Bytes that cannot be seeds are refused with the file and, where there is one, the line."""
    with pytest.raises(SeedError) as caught:
        read(tmp_path / "s.jsonl", content)
    assert str(caught.value).startswith(f"{tmp_path / 's.jsonl'}{where}: ")
    assert word in str(caught.value)


@pytest.mark.parametrize("kind", ["missing", "folder", "long name", "NUL in the name"])
def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path, kind: str) -> None:
    """A path that leads to no file is the user's mistake, whatever the path."""
    path = {
        "missing": tmp_path / "none.jsonl",
        "folder": tmp_path,
        "long name": tmp_path / ("x" * 5000),
        "NUL in the name": tmp_path / "a\0b",
    }[kind]
    with pytest.raises(SeedError):
        list(read_seeds(path, None, SeedTally()))


@pytest.mark.parametrize(
    "content", ["[", '[{"instruction": "a"},]', "[" * 100_000, '[{"id": NaN}]', '[{"instruction": "a"}] x', "[]"]
)
def test_a_bad_array_is_refused(tmp_path: Path, content: str) -> None:
    """An array that does not parse, or holds nothing, is one error about the file."""
    with pytest.raises(SeedError, match=r"s\.json: "):
        read(tmp_path / "s.json", content)


def test_a_bad_item_of_an_array_is_counted(tmp_path: Path) -> None:
    """Items of an array are named by their number."""
    with pytest.raises(SeedError, match=r"s\.json: item 2: .*empty"):
        read(tmp_path / "s.json", '[{"instruction": "a"}, {"instruction": ""}]')


def test_the_longest_instruction_is_accepted(tmp_path: Path) -> None:
    """100,000 characters are allowed, one more is not (see above)."""
    seeds, _ = read(tmp_path / "s.jsonl", write_record(instruction="\u00e9" * MAX_INSTRUCTION_CHARS))
    assert len(seeds[0].instruction) == MAX_INSTRUCTION_CHARS


def test_hostile_text_comes_through_unchanged(tmp_path: Path) -> None:
    """A seed is a value: placeholders, tags, escapes and direction marks stay as they are."""
    text = "{{instruction}} [[user]] <script> \x1b[31m \u202e {0} %s ${x} ../../etc given prompt sorry"
    seeds, _ = read(tmp_path / "s.jsonl", write_record(id="../x", instruction=text))
    assert seeds == [Seed(id="../x", instruction=text)]


@pytest.mark.parametrize("path", sorted(data_folder("seeds").glob("*.jsonl")), ids=lambda path: path.stem)
def test_bundled_seeds_load(path: Path) -> None:
    """Every bundled file is valid, without a repeat, with readable ids."""
    tally = SeedTally()
    seeds = list(read_seeds(path, None, tally))
    assert len({digest_instruction(seed.instruction) for seed in seeds}) == len(seeds) >= 12
    assert tally.repeats == 0


@settings(deadline=None, max_examples=150, database=None)
@given(
    content=st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.lists(
        st.sampled_from([b'{"instruction":"a"}', b"\n", b"[", b"]", b",", b"{", b"\xff", b"\0", b'"', b"\\ud800"])
    ).map(b"".join),
    name=st.sampled_from(["s.jsonl", "s.json", "s.txt", "s"]),
)
def test_any_bytes_give_seeds_or_a_seed_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    """No file whatsoever makes the reader raise anything but SeedError."""
    path = tmp_path_factory.getbasetemp() / f"any-{name}"
    try:
        seeds, _ = read(path, content)
    except SeedError as error:
        assert str(path) in str(error)  # noqa: PT017 - either way is fine, but the file is named
    else:
        assert all(seed.instruction.strip() and seed.id for seed in seeds)


@settings(deadline=None, max_examples=250, database=None)
@given(
    record=st.fixed_dictionaries(
        {},
        optional={
            "id": JSON_VALUES,
            "instruction": JSON_VALUES,
            "input": JSON_VALUES,
            "output": JSON_VALUES,
            "messages": JSON_VALUES
            | st.lists(
                st.fixed_dictionaries(
                    {}, optional={"role": JSON_VALUES | st.sampled_from(["user", "system"]), "content": JSON_VALUES}
                ),
                max_size=3,
            ),
        },
    )
)
def test_any_json_gives_seeds_or_a_seed_error(tmp_path_factory: pytest.TempPathFactory, record: dict[str, Any]) -> None:
    """No record of whatever types makes the reader raise anything but SeedError."""
    path = tmp_path_factory.getbasetemp() / "any-record.jsonl"
    try:
        seeds, _ = read(path, json.dumps(record) + "\n")
    except SeedError as error:
        assert f"{path}:1" in str(error)  # noqa: PT017 - either way is fine, but the line is named
    else:
        assert len(seeds) == 1


@settings(deadline=None, max_examples=100, database=None)
@given(text=st.text(min_size=1, max_size=50))
def test_the_id_survives_any_layout_of_the_same_text(text: str) -> None:
    """Composed or decomposed, with any white space between words: one id."""
    spaced = "\n ".join(["", *text.split(), ""])
    assert digest_instruction(unicodedata.normalize("NFD", spaced)) == digest_instruction(text)


@pytest.mark.parametrize(
    ("record", "skill", "language"),
    [
        ({"skill": "math", "language": "en"}, "math", "en"),
        ({"skill": " math "}, "math", ""),
        ({"skill": None, "language": 7}, "", ""),
        ({"skill": ["math"], "language": {"a": 1}}, "", ""),
        ({"skill": "x" * 101, "language": "a\nb"}, "", ""),
    ],
)
def test_skill_and_language_come_along(tmp_path: Path, record: dict[str, Any], skill: str, language: str) -> None:
    """What a record calls its skill and language is kept for merge; anything but a short text counts as none."""
    [seed], _ = read(tmp_path / "s.jsonl", write_record(instruction="Add 2 and 3.", **record))
    assert (seed.skill, seed.language) == (skill, language)


def test_seeds_without_skill_keep_their_digest() -> None:
    """A line of the stored seeds gains keys only where the seed has them, so folders of plain seeds stay done."""
    assert serialise_seed(Seed(id="a", instruction="b")) == b'{"id":"a","instruction":"b","response":""}'
    told = Seed(id="a", instruction="b", response="c", skill="math", language="en")
    assert serialise_seed(told) == b'{"id":"a","instruction":"b","response":"c","skill":"math","language":"en"}'
    assert Seed.model_validate_json(serialise_seed(told)) == told
