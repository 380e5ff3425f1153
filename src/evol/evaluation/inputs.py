"""Question and response files: JSON lines, read strictly and whole before anything is paid.

The field names of public sets are read as they are: `idx`, `Skill`, `Difficulty`, `Instruction` (WizardLM's test set),
`question_id`, `text`, `category` (Vicuna's questions), `instruction`, `output` (AlpacaEval's outputs, one a line). A
record without an id gets a digest of its instruction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evol.errors import InputError
from evol.evaluation.records import Question
from evol.files import check_characters, load_strictly, read_jsonl
from evol.seeds import MAX_ID_CHARS, MAX_INSTRUCTION_CHARS, digest_instruction

_IDS = ("id", "idx", "question_id")
_INSTRUCTIONS = ("instruction", "Instruction", "text", "question")
_SKILLS = ("skill", "Skill", "category")
_DIFFICULTIES = ("difficulty", "Difficulty")
_RESPONSES = ("response", "output")


@dataclass(frozen=True)
class ResponseSet:
    """The responses of one file.

    Attributes:
        name: for people: the file's stem.
        path: of the file.
        questions: by id, in the file's order.
        responses: by id.
        lines: by id, from 1.
    """

    name: str
    path: Path
    questions: dict[str, Question]
    responses: dict[str, str]
    lines: dict[str, int]


def read_questions(path: Path) -> list[Question]:
    """The questions of a file, in its order.

    Raises:
        InputError: names file and line of the first fault: no JSON, no text, a doubled id, a difficulty beyond 1 to 10.
    """
    questions = [question for _, question, _ in _read(path)]
    if not questions:
        raise InputError(f"{path}: no questions in it", 'put one object on each line, like {"instruction": "…"}')
    return questions


def read_response_sets(paths: list[Path]) -> list[ResponseSet]:
    """The responses of several files, named by their stems; by their paths where two stems are the same.

    Raises:
        InputError: names file and line of the first fault; see `read_questions`.
    """
    stems = [path.stem for path in paths]
    names = [str(path) if stems.count(path.stem) > 1 else path.stem for path in paths]
    return [_read_responses(path, name) for path, name in zip(paths, names, strict=True)]


def find_common(sets: list[ResponseSet]) -> list[Question]:
    """The questions that all files have, in the order of the first; skill and difficulty of whoever names them.

    Raises:
        InputError: one id stands for different instructions, or no id is in all files.
    """
    common = []
    for question in sets[0].questions.values():
        others = [found for one in sets[1:] if (found := one.questions.get(question.id))]
        for one in sets[1:]:
            other = one.questions.get(question.id)
            if other and digest_instruction(other.instruction) != digest_instruction(question.instruction):
                raise InputError(
                    f"{one.path}:{one.lines[question.id]}: the id {question.id!r} stands for another instruction than "
                    f"at {sets[0].path}:{sets[0].lines[question.id]}",
                    "compare responses to the same questions",
                )
        if len(others) < len(sets) - 1:
            continue
        skill = next((found.skill for found in (question, *others) if found.skill), "")
        difficulty = next((found.difficulty for found in (question, *others) if found.difficulty), 0)
        common.append(question.model_copy(update={"skill": skill, "difficulty": difficulty}))
    if not common:
        names = ", ".join(str(one.path) for one in sets)
        raise InputError(f"no id is in all of {names}", "compare responses to the same questions")
    return common


def list_left_out(one: ResponseSet, common: Iterable[Question]) -> list[str]:
    """Ids of a file that not all files have."""
    shared = {question.id for question in common}
    return [found for found in one.questions if found not in shared]


def list_empty(one: ResponseSet, questions: Iterable[Question]) -> list[str]:
    """Ids of questions to which a file's response is empty."""
    return [question.id for question in questions if not one.responses[question.id]]


def _read_responses(path: Path, name: str) -> ResponseSet:
    found = ResponseSet(name, path, {}, {}, {})
    for number, question, record in _read(path):
        where = f"{path}:{number}"
        key = next((key for key in _RESPONSES if key in record), None)
        if key is None:
            raise InputError(f"{where}: no response", f"name the text {' or '.join(_RESPONSES)}")
        found.questions[question.id] = question
        found.responses[question.id] = _text(record, key, where).strip()
        found.lines[question.id] = number
    if not found.questions:
        raise InputError(f"{path}: no responses in it", "make it with `evol respond`")
    return found


def _read(path: Path) -> Iterator[tuple[int, Question, dict[str, Any]]]:
    """Yield (line, question, whole record)."""
    lines: dict[str, int] = {}
    for number, record in read_jsonl(path, InputError, load_strictly):
        where = f"{path}:{number}"
        if not isinstance(record, dict):
            raise InputError(f"{where}: not an object", 'write it like {"id": "…", "instruction": "…"}')
        question = _parse_question(record, where)
        if question.id in lines:
            raise InputError(
                f"{where}: the id {question.id!r} was used before, on line {lines[question.id]}",
                "give every question an id of its own",
            )
        lines[question.id] = number
        yield number, question, record


def _parse_question(record: dict[str, Any], where: str) -> Question:
    key = next((key for key in _INSTRUCTIONS if record.get(key) is not None), None)
    if key is None:
        raise InputError(f"{where}: no question", f"name the text {', '.join(_INSTRUCTIONS)}")
    instruction = _text(record, key, where).strip()
    if record.get("input"):  # Alpaca's; seeds fold it in the same way
        instruction = f"{instruction}\n\n{_text(record, 'input', where).strip()}".strip()
    if not instruction:
        raise InputError(f"{where}: the question is empty", "fill it in or remove the line")
    if len(instruction) > MAX_INSTRUCTION_CHARS:
        raise InputError(
            f"{where}: the question has {len(instruction):,} characters, over {MAX_INSTRUCTION_CHARS:,}",
            "shorten or remove it",
        )
    skills = [key for key in _SKILLS if record.get(key) is not None]
    return Question(
        id=_parse_id(record, where) or digest_instruction(instruction),
        instruction=instruction,
        skill=" ".join(_text(record, skills[0], where).split()) if skills else "",
        difficulty=_parse_difficulty(record, where),
    )


def _parse_id(record: dict[str, Any], where: str) -> str:
    """The given id, integers as strings; "" where there is none."""
    key = next((key for key in _IDS if record.get(key) is not None), None)
    if key is None:
        return ""
    value = record[key]
    found = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(record, key, where)
    if not found.strip() or len(found) > MAX_ID_CHARS:
        raise InputError(f"{where}: {key} must have 1 to {MAX_ID_CHARS} characters", "shorten it or leave it out")
    return found


def _parse_difficulty(record: dict[str, Any], where: str) -> int | float:
    key = next((key for key in _DIFFICULTIES if record.get(key) is not None), None)
    if key is None:
        return 0
    value = record[key]
    if key == "difficulty" and value == 0 and not isinstance(value, bool):
        return 0  # as `evol respond` writes it where there is none
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 10:
        raise InputError(f"{where}: {key} is {str(value)[:40]!r}, not a number from 1 to 10", "mend it or leave it out")
    return value


def _text(record: dict[str, Any], key: str, where: str) -> str:
    value = record[key]
    if not isinstance(value, str):
        raise InputError(f"{where}: {key} is {type(value).__name__}, not a string", "put it in quotes")
    return check_characters(value, key, where, InputError)
