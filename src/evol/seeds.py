"""Seed readers: JSONL, JSON array or text; Alpaca, chat (`messages`, ShareGPT's `conversations`) or plain records.

Every rule is checked while reading, before the first paid call. The rules (design, "Seeds"): a given id is unique;
without ids, exact repeats of an instruction are dropped with a count and the id is a digest of the text; Alpaca's input
is folded in after a blank line; of a chat the first user turn and its reply are taken, later turns are dropped with a
count, a system turn is refused; an empty response counts as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evol.errors import SeedError
from evol.files import check_characters, load_strictly, read_jsonl, read_lines
from evol.records import Seed

MAX_INSTRUCTION_CHARS = 100_000
MAX_ID_CHARS = 200
MAX_TAG_CHARS = 100

_USER = {"user", "human"}
_ASSISTANT = {"assistant", "gpt", "model", "chatgpt"}


@dataclass
class SeedTally:
    """What reading left out, counted while it goes.

    Attributes:
        count: seeds yielded.
        with_response: seeds that bring their own response.
        repeats: exact repeats of an instruction without an id.
        dropped_turns: later turns of chats.
    """

    count: int = 0
    with_response: int = 0
    repeats: int = 0
    dropped_turns: int = 0
    _ids: set[bytes] = field(default_factory=set)

    def add_id(self, seed_id: str) -> bool:
        """Remember an id; whether it was new. Eight bytes an id, so that a million seeds stay small."""
        digest = hashlib.blake2b(seed_id.encode(), digest_size=8).digest()
        if digest in self._ids:
            return False
        self._ids.add(digest)
        return True


def read_seeds(path: Path, limit: int | None, tally: SeedTally) -> Iterator[Seed]:
    """Yield the seeds of a file in their order.

    Args:
        path: `.jsonl`, `.json` (array or lines), `.txt` (one instruction a line), or anything that looks like one.
        limit: stop after this many, None for all.
        tally: counts what is yielded and left out.

    Raises:
        SeedError: names file and line (or item of an array) of the first fault; also when there are no seeds at all.
    """
    seeds = itertools.islice(_unrepeated(path, tally), limit)
    for seed in seeds:
        tally.count += 1
        tally.with_response += bool(seed.response)
        yield seed
    if not tally.count:
        raise SeedError(f"{path}: no seeds in it", "put one instruction on each line")


def read_skills(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (seed id, skill) of the seeds whose record names a `skill`; for showing only, a run does not know it.

    Raises:
        SeedError: as `read_seeds`.
    """
    for where, record in _read_records(path):
        skill = record.get("skill") if isinstance(record, dict) else None
        if isinstance(skill, str) and skill.strip():
            yield _parse_record(record, where, SeedTally())[0].id, skill


def _unrepeated(path: Path, tally: SeedTally) -> Iterator[Seed]:
    for where, record in _read_records(path):
        seed, has_id = _parse_record(record, where, tally)
        if not tally.add_id(seed.id):
            if has_id:
                raise SeedError(f"{where}: the id {seed.id!r} was used before", "give every seed an id of its own")
            tally.repeats += 1
            continue
        yield seed


def _read_records(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield (place for messages, parsed record)."""
    match _detect_format(path):
        case "text":
            for number, line in read_lines(path, SeedError):
                if line.strip():
                    yield f"{path}:{number}", {"instruction": line}
        case "array":
            yield from _read_array(path)
        case _:
            for number, record in read_jsonl(path, SeedError, load_strictly):
                yield f"{path}:{number}", record


def _detect_format(path: Path) -> str:
    with contextlib.suppress(OSError, ValueError):  # `read_lines` says what is wrong
        if path.exists() and not path.is_file() and not path.is_dir():
            raise SeedError(f"{path}: a pipe or device", "seeds are read more than once; save them to a file")
    suffix = path.suffix.lower()
    if suffix in (".txt", ".text"):
        return "text"
    first = next((line.lstrip()[:1] for _, line in read_lines(path, SeedError) if line.strip()), "")
    if first == "[" and suffix != ".jsonl":
        return "array"
    return "lines" if suffix in (".jsonl", ".json", ".ndjson") or first == "{" else "text"


def _read_array(path: Path) -> Iterator[tuple[str, Any]]:
    text = "\n".join(line for _, line in read_lines(path, SeedError))
    try:
        items = load_strictly(text)
    except ValueError as error:
        raise SeedError(f"{path}: not a valid JSON array ({error})", "mend it, or use one object a line") from None
    for number, item in enumerate(items, 1):
        yield f"{path}: item {number}", item


def _parse_record(record: Any, where: str, tally: SeedTally) -> tuple[Seed, bool]:
    if isinstance(record, str):
        record = {"instruction": record}
    if not isinstance(record, dict):
        raise SeedError(f"{where}: not an object", 'write it like {"instruction": "…"}')
    if "instruction" in record:
        instruction = _text(record, "instruction", where)
        extra = _text(record, "input", where)
        if extra.strip():
            instruction = f"{instruction.rstrip()}\n\n{extra.lstrip()}"
        response = _text(record, "output", where) or _text(record, "response", where)
    else:
        turns = record.get("messages", record.get("conversations"))
        if turns is None:
            raise SeedError(f"{where}: neither instruction nor messages nor conversations", "name the text instruction")
        instruction, response, dropped = _parse_turns(turns, where)
        tally.dropped_turns += dropped
    instruction = instruction.strip()
    if not instruction:
        raise SeedError(f"{where}: the instruction is empty", "fill it in or remove the line")
    if len(instruction) > MAX_INSTRUCTION_CHARS:
        raise SeedError(
            f"{where}: the instruction has {len(instruction):,} characters, over {MAX_INSTRUCTION_CHARS:,}",
            "shorten or remove it",
        )
    given = record.get("id")
    return Seed(
        id=_given_id(given, where) if given is not None else digest_instruction(instruction),
        instruction=instruction,
        response=response if response.strip() else "",
        skill=_read_tag(record, "skill"),
        language=_read_tag(record, "language"),
    ), given is not None


def _read_tag(record: dict[str, Any], key: str) -> str:
    """A seed's skill or language, for `evol merge --only`; what is no short text counts as none."""
    value = record.get(key)
    if not isinstance(value, str) or len(value) > MAX_TAG_CHARS or not value.isprintable():
        return ""
    return value.strip()


def _text(record: dict[str, Any], key: str, where: str) -> str:
    value = record.get(key)
    if value is None and key != "instruction":
        return ""
    if not isinstance(value, str):
        raise SeedError(f"{where}: {key} is {_kind(value)}, not a string", "put it in quotes")
    return check_characters(value, key, where, SeedError)


def _given_id(value: Any, where: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise SeedError(f"{where}: id is {_kind(value)}, not a string or an integer", "put it in quotes")
    check_characters(value, "id", where, SeedError)
    if not value.strip() or len(value) > MAX_ID_CHARS:
        raise SeedError(f"{where}: id must have 1 to {MAX_ID_CHARS} characters", "shorten it or leave it out")
    return value


def _parse_turns(turns: Any, where: str) -> tuple[str, str, int]:
    """First user turn, its reply ("" without one), number of turns left out."""
    if not isinstance(turns, list) or not turns:
        raise SeedError(f"{where}: the conversation is not a list of turns", "write role and content for each turn")
    parsed = []
    for turn in turns:
        if not isinstance(turn, dict):
            raise SeedError(f"{where}: a turn is {_kind(turn)}, not an object", "write role and content for each turn")
        role = _text({"role": turn.get("role", turn.get("from"))}, "role", where)
        text = _text({"content": turn.get("content", turn.get("value"))}, "content", where)
        if role == "system":
            raise SeedError(f"{where}: a system turn cannot be evolved", "remove it or fold it into the user turn")
        parsed.append((role, text))
    first = next((i for i, (role, _) in enumerate(parsed) if role in _USER), None)
    if first is None:
        raise SeedError(f"{where}: no user turn", 'the role must be "user" or "human"')
    has_reply = first + 1 < len(parsed) and parsed[first + 1][0] in _ASSISTANT
    return parsed[first][1], parsed[first + 1][1] if has_reply else "", len(parsed) - 1 - has_reply


def digest_instruction(instruction: str) -> str:
    """The id of a seed without one: 16 hex digits of sha256 over the NFC text with white space collapsed."""
    text = " ".join(unicodedata.normalize("NFC", instruction).split())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
