"""The commands of the evaluation: parse, call, print; `cli.py` hangs them in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from evol.console import given, given_limits, print_json, report_errors, say, tell
from evol.errors import BudgetExhausted, UsageError
from evol.flags import BaseUrl, Concurrency, Config, Json, Model, Quiet, Rpm, Tpm

if TYPE_CHECKING:
    from evol.evaluation.filework import FileResult
    from evol.evaluation.jobs import FileJob
    from evol.records import Role

EPILOG_RESPOND = """
\b
A model that you serve yourself:
  evol respond questions.jsonl --model tuned --base-url http://localhost:8000/v1 --out tuned.jsonl

The same command again pays only for what is missing. Exit codes: see evol run --help.
"""
EPILOG_COMPARE = """
\b
Calls and price first, then the comparison with a page to read:
  evol compare tuned.jsonl base.jsonl --model gpt-4o --dry-run
  evol compare tuned.jsonl base.jsonl --model gpt-4o --html verdicts.html

Each pair is read in both orders; a win counts only when both agree. A third file costs its own pairs alone. Exit codes:
see evol run --help.
"""

_MaxCost = Annotated[float | None, typer.Option("--max-cost", help="USD the file may ever cost.")]
_MaxCalls = Annotated[
    int | None, typer.Option("--max-calls", help="Requests the file may ever take, retries included.")
]
_MaxTokens = Annotated[int | None, typer.Option("--max-tokens", help="Tokens the file may ever take, in and out.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the first prompt, calls and price; touch nothing.")]


def respond(
    questions: Annotated[Path, typer.Argument(help="Questions, JSONL; WizardLM's and Vicuna's as they are.")],
    model: Model = None,
    base_url: BaseUrl = None,
    config: Config = None,
    out: Annotated[Path, typer.Option(help="The responses.")] = Path("responses.jsonl"),
    concurrency: Concurrency = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    max_cost: _MaxCost = None,
    max_calls: _MaxCalls = None,
    max_tokens: _MaxTokens = None,
    dry_run: _DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """A model's responses to a file of test questions; the same command again pays only for what is missing."""
    with report_errors():
        from evol.config import load_config
        from evol.evaluation.respond import SAMPLING_DEFAULTS, plan_responses

        limits = given_limits(concurrency, rpm, tpm, max_cost, max_calls, max_tokens)
        loaded = load_config(config, _file_flags("responder", model, base_url, limits), SAMPLING_DEFAULTS)
        job = plan_responses(questions, out, loaded)
        if dry_run:
            _dry_run_file(job, as_json)
            raise typer.Exit
        result = _make_file(job, "response", quiet)
        if as_json:
            print_json(_tell_file(job, result) | {"responses": sum(row is not None for row in result.rows)})
        else:
            from evol.evaluation.texts import describe_file_calls, describe_responses

            tell(describe_responses(out, result.rows))
            tell(describe_file_calls(result.calls))
        raise typer.Exit(result.exit_code)


def compare(
    files: Annotated[list[Path], typer.Argument(help="Two or more response files.", metavar="A B [C …]")],
    model: Annotated[str | None, typer.Option(help="The judge: model name at the endpoint, or a .gguf file.")] = None,
    base_url: BaseUrl = None,
    config: Config = None,
    out: Annotated[Path, typer.Option(help="The verdicts.")] = Path("verdicts.jsonl"),
    order: Annotated[str, typer.Option(help="both: each pair in both orders; alternate: the paper's.")] = "both",
    html: Annotated[Path | None, typer.Option(help="Also a page with figures and every verdict.")] = None,
    concurrency: Concurrency = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    max_cost: _MaxCost = None,
    max_calls: _MaxCalls = None,
    max_tokens: _MaxTokens = None,
    dry_run: _DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Responses judged pair by pair: wins, ties, losses, capacity by skill and difficulty, ratings, position bias."""
    with report_errors():
        from evol.config import load_config
        from evol.evaluation import compare as comparing
        from evol.evaluation.page import check_comparison_page, write_comparison_page
        from evol.evaluation.texts import describe_faults, describe_file_calls

        limits = given_limits(concurrency, rpm, tpm, max_cost, max_calls, max_tokens)
        flags = _file_flags("judge", model, base_url, limits)
        contest = comparing.open_contest(files, order, load_config(config, flags, comparing.SAMPLING_DEFAULTS))
        job = comparing.plan_readings(contest, out)
        for sentence in describe_faults(contest.sets, contest.questions):
            say(sentence)
        if dry_run:
            _dry_run_file(job, as_json)
            raise typer.Exit
        if html is not None:
            check_comparison_page(html)
        result = _make_file(job, "verdict", quiet)
        comparison, settled = comparing.sum_up(contest, result.rows)
        if html is not None:
            write_comparison_page(html, contest, comparison, settled, result.rows)
            say(f"{html}: the figures and every verdict, for a browser")
        if as_json:
            print_json(_tell_file(job, result) | comparison.model_dump(mode="json"))
        else:
            from evol.evaluation.tables import print_comparison

            print_comparison(comparison)
            tell(f"verdicts: {out}; {describe_file_calls(result.calls)}")
        if not result.error and (hopeless := comparing.find_hopeless(contest, result.rows)):
            raise hopeless
        raise typer.Exit(result.exit_code)


class _BallotGroup(TyperGroup):
    """`evol ballot A B` writes a ballot; only `count` has to be said."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word `write` before anything else that is no subcommand."""
        if args and args[0] not in (*self.commands, "--help"):
            args = ["write", *args]
        return super().parse_args(ctx, args)


ballot = typer.Typer(
    name="ballot",
    cls=_BallotGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Blind ranking by people: `evol ballot A.jsonl B.jsonl`, then `evol ballot count ballot-*.json`.",
    short_help="Blind ranking by people.",
)


@ballot.command("write", short_help="The page and its key; `evol ballot A B` does the same.")
def write_ballot(
    files: Annotated[list[Path], typer.Argument(help="Two to nine response files.", metavar="A B [C …]")],
    out: Annotated[Path, typer.Option(help="The page; its key goes beside it.")] = Path("ballot.html"),
    sample: Annotated[int | None, typer.Option(min=1, help="A uniform sample of N questions.")] = None,
    random_seed: Annotated[int, typer.Option(help="Seed of places and sample.")] = 0,
) -> None:
    """A page on which people rank responses without knowing whose they are, and the key to it."""
    with report_errors():
        from evol.evaluation.ballot import write_ballot as write
        from evol.evaluation.texts import describe_faults

        report = write(files, out, sample, random_seed)
        for sentence in describe_faults(report.sets, report.common):
            say(sentence)
        tell(f"{out}: {report.questions:,} questions, {len(files)} responses each; give it to your annotators")
        tell(
            f"{report.key_path}: the key, for you alone; next: evol ballot count ballot-*.json --key {report.key_path}"
        )


@ballot.command("count", short_help="Win rates and agreement from filled-in ballots.")
def count_ballots(
    ballots: Annotated[list[Path], typer.Argument(help="What the page saved as JSON, one file an annotator.")],
    key: Annotated[Path, typer.Option(help="The key that was written beside the page.")] = Path("ballot.key.json"),
    as_json: Json = False,
) -> None:
    """Win rates by pair with intervals, and whether the annotators agree (Cohen's or Fleiss' kappa)."""
    with report_errors():
        from evol.evaluation.counting import count_ballots as count

        files = [path for path in ballots if path.resolve() != key.resolve()]  # `*.json` catches the key as well
        if not files:
            raise UsageError("no ballot to count", "name the files that the page saved as JSON")
        found = count(files, key)
        if as_json:
            print_json(found.model_dump(mode="json"))
        else:
            from evol.evaluation.tables import print_ballot_count

            print_ballot_count(found)


def _make_file(job: FileJob[Any], unit: str, quiet: bool) -> FileResult[Any]:
    """Carry out a command that makes one file; tells what cannot be seen from its rows."""
    from evol.evaluation.estimate import plan_file
    from evol.evaluation.filework import work_off
    from evol.evaluation.texts import describe_file_estimate
    from evol.pricing import find_prices
    from evol.progress import TerminalObserver
    from evol.records import NOT_REACHED
    from evol.session import describe_exposure, list_labels, make_backends

    prices = find_prices(job.models, job.limits)

    def connect() -> dict[Role, Any]:
        backends = make_backends(job.models, job.limits)
        for role, several in backends.items():
            say(f"asking {' and '.join(backend.label for backend in several)} ({role})")
        for warning in describe_exposure(list_labels(backends)):
            say(warning)
        say(f"expected: {describe_file_estimate(plan_file(job, prices))}")
        return backends

    result = work_off(job, connect, TerminalObserver(quiet=quiet, unit=unit), prices)
    if result.was_done:
        say(f"{job.out}: already complete, nobody was asked")
    lost = [(name, why) for name, why in result.unfinished if why != NOT_REACHED]
    for name, why in lost[:5]:
        say(f"unfinished: {name}: {why}")
    if result.error:
        say(f"{'stopped' if result.exit_code == BudgetExhausted.exit_code else 'error'}: {result.error}")
    elif result.unfinished:
        say(f"{len(result.unfinished)} of {len(job.tasks)} are missing; the same command again asks for them")
    return result


def _tell_file(job: FileJob[Any], result: FileResult[Any]) -> dict[str, Any]:
    return {
        "out": str(job.out),
        "exit_code": result.exit_code,
        "unfinished": [{"name": name, "error": why} for name, why in result.unfinished],
        "calls": {role: count.model_dump(mode="json") for role, count in result.calls.items()},
    }


def _dry_run_file(job: FileJob[Any], as_json: bool) -> None:
    import dataclasses

    from evol.evaluation.estimate import plan_file
    from evol.evaluation.filework import count_journaled
    from evol.evaluation.texts import describe_file_plan
    from evol.pricing import find_prices

    plan, journaled = plan_file(job, find_prices(job.models, job.limits)), count_journaled(job)
    if as_json:
        estimate = plan.estimate.model_dump(mode="json")
        print_json(dataclasses.asdict(plan) | {"estimate": estimate, "journaled_calls": journaled})
        return
    for line in describe_file_plan(plan, journaled, job.out):
        tell(line)


def _file_flags(role: Role, model: str | None, base_url: list[str] | None, limits: dict[str, Any]) -> dict[str, Any]:
    """Flags of a command that asks one role: they beat that role's own table as well."""
    return {"models": {role: given({"model": model, "base_url": base_url or None})}, "limits": limits}
