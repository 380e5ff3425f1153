"""What `evol run`, `evol score` and `evol stats` tell the user while they carry out what was asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from evol.console import given, print_json, say, tell
from evol.errors import BudgetExhausted

if TYPE_CHECKING:
    from evol.breadth import BreadthPlan
    from evol.checks import Checked
    from evol.config import RunConfig
    from evol.pipeline import RunResult
    from evol.scorechecks import CheckedScoring


def run(config: RunConfig, as_json: bool, quiet: bool) -> int:
    """Carry out a run; its exit code."""
    from evol.checks import check_run
    from evol.launch import prepare
    from evol.pipeline import RunResult
    from evol.pipeline import run as run_pipeline
    from evol.progress import TerminalObserver
    from evol.session import describe_exposure, list_labels
    from evol.texts import describe_estimate

    checked = check_run(config)
    if checked.existing is not None and checked.is_done:
        result = RunResult(checked.existing, 0, was_done=True)
    else:
        launch = prepare(checked)
        part = f" (shard {checked.shard} of {checked.shard.all_seeds})" if checked.shard else ""
        by_label: dict[str, list[str]] = {}
        for role, several in launch.backends.items():
            by_label.setdefault(" and ".join(backend.label for backend in several), []).append(role)
        for label, roles in by_label.items():
            seeds = f"{checked.seeds.count} seeds{part} x {config.generations} generations"
            say(f"asking {label} ({', '.join(roles)}), {seeds}")
        if config.evolver_model.is_local:
            say(
                "a local model runs with short prompts, replies of at most "
                f"{config.evolver_model.sampling.max_tokens or 'unlimited'} tokens and the equality judge "
                f"{'off' if config.judge_scope == 'off' else 'on'}"
                + ("; the embedded one is for trying out, it evolves poorly" if not config.evolver_model.model else "")
            )
        for warning in describe_exposure(list_labels(launch.backends)):
            say(warning)
        _tell_left_out(checked)
        say(describe_estimate(launch.estimate))
        if launch.batches:
            say(
                f"about {launch.batches} batches follow one another, each may take up to 24 hours; stop any time, the "
                "same command goes on"
            )
        observer = TerminalObserver(quiet=quiet)
        result = run_pipeline(checked, launch.backends, observer, launch.prices, launch.estimate)
    if as_json:
        print_json(result.manifest.model_dump(mode="json") | {"exit_code": result.exit_code})
    else:
        print_summary(result, checked.folder)
    if result.error:
        say(f"{'stopped' if result.exit_code == 4 else 'error'}: {result.error}")
    return result.exit_code


def print_summary(result: RunResult, folder: Path) -> None:
    """Print what a run, or a collection of shards, came to."""
    from evol.records import NOT_REACHED
    from evol.texts import describe_calls

    manifest = result.manifest
    if result.was_done:
        tell(f"{folder}: already complete, nothing to do")
    for count in manifest.counts:
        eliminated = ", ".join(f"{number} {reason}" for reason, number in count.eliminated.items())
        line = f"generation {count.generation}: {count.survivors} rows"
        line += f", {sum(count.eliminated.values())} eliminated ({eliminated})" if eliminated else ""
        line += f", {count.unfinished} unfinished" if count.unfinished else ""
        tell(line)
    for lineage in [lost for lost in manifest.unfinished if lost.error != NOT_REACHED][:5]:
        say(f"unfinished: seed {lineage.seed_id} from generation {lineage.generation} on: {lineage.error}")
    if not result.was_done:
        tell(describe_calls(manifest))
    further = f" … generation-{manifest.generations}.jsonl" if manifest.generations else ""
    tell(f"files: {folder}/generation-0.jsonl{further}, eliminated.jsonl")
    suffix = "" if str(folder) == "output" else f" {folder}"
    if result.exit_code == BudgetExhausted.exit_code:
        tell("next: the same command with a larger limit goes on where this one stopped")
    elif result.exit_code:
        tell("next: the same command again goes on where this one stopped")
    elif manifest.shard:
        tell("next: evol collect OUT SHARD… when all shards are done")
    else:
        tell(f"next: evol merge{suffix} && evol stats{suffix}")


def dry_run(config: RunConfig, as_json: bool) -> int:
    """Show what a run would do; its exit code."""
    import dataclasses

    from evol.checks import check_run
    from evol.journal import Journal, has_calls
    from evol.plan import plan_run
    from evol.pricing import find_prices
    from evol.texts import describe_plan

    checked = check_run(config)
    _tell_left_out(checked)
    prices = find_prices(config.models, config.limits)
    plan = plan_run(checked.read_seeds(), checked.seeds.count, config, checked.pack, prices)
    journaled = 0
    if has_calls(checked.folder):
        with Journal.open_for_reading(checked.folder) as journal:
            journaled = journal.calls
    if as_json:
        estimate = plan.estimate.model_dump(mode="json")
        print_json(dataclasses.asdict(plan) | {"estimate": estimate, "journaled_calls": journaled})
        return 0
    for line in describe_plan(plan, config.generations):
        tell(line)
    if journaled:
        tell(f"          {journaled:,} calls are in the journal of {checked.folder} already")
    return 0


def _tell_left_out(checked: Checked) -> None:
    if checked.tally.repeats:
        say(f"{checked.seeds.path}: {checked.tally.repeats} exact repeats of an instruction are left out")
    if checked.tally.dropped_turns:
        say(f"{checked.seeds.path}: {checked.tally.dropped_turns} later turns of conversations are left out")


def score(checked: CheckedScoring, as_json: bool, quiet: bool) -> int:
    """Have the rows of a run rated; the exit code."""
    from evol.pricing import find_prices
    from evol.progress import TerminalObserver
    from evol.scores import read_difficulty
    from evol.scoring import score as score_rows
    from evol.session import describe_exposure, list_labels, make_backends
    from evol.texts import describe_scores, describe_scoring

    rater = checked.rater
    price = find_prices({"scorer": rater.model}, checked.limits)["scorer"]
    backends = make_backends({"scorer": rater.model}, checked.limits)
    asked = " and ".join(backend.label for backend in backends["scorer"])
    asked_price = rater.model.choose_price(price)
    say(f"asking {asked} (scorer); {describe_scoring(checked.work, rater.mode, asked_price)}")
    for warning in describe_exposure(list_labels(backends)):
        say(warning)
    if rater.model.is_local and not rater.model.model:
        say("the embedded model is for trying out: its ratings say little")
    result = score_rows(checked, backends, TerminalObserver(quiet=quiet, unit="prompt"), price)
    found = read_difficulty(checked.folder, result.manifest).get(rater.mode) if result.is_written else None
    if as_json:
        shown = {"status": result.status, "mode": rater.mode, "exit_code": result.exit_code}
        print_json(shown | (found.model_dump(mode="json") if found else {}))
    else:
        for line in describe_scores(checked.folder, rater.mode, found, result.manifest.calls.get("scorer")):
            tell(line)
    for row_id, why in list(result.failures.items())[:5]:
        say(f"not rated: {row_id}: {why}")
    if result.error:
        say(f"{'stopped' if result.exit_code == BudgetExhausted.exit_code else 'error'}: {result.error}")
    return result.exit_code


def plan_breadth(seeds: int, model: str | None, base_url: str | None, key_env: str | None) -> BreadthPlan:
    """Make ready what measures breadth; tells who is asked for vectors, and how many."""
    from evol.breadth import BreadthPlan
    from evol.config import load_config
    from evol.errors import UsageError

    if not model:
        if base_url or key_env:
            raise UsageError("--embed-base-url and --embed-key-env say where a model is asked", "name --embed-model")
        return BreadthPlan(seeds)
    from evol.backends.embedder import open_embedder
    from evol.progress import count_up
    from evol.session import describe_exposure

    # "" is the embedded model's name in every configuration
    table = given({"model": "" if model == "embedded" else model, "base_url": base_url, "api_key_env": key_env})
    embedder = open_embedder(load_config(None, {"models": {"default": table}}).models["evolver"])

    def begin(missing: int) -> Callable[[int], object]:
        if missing:
            for warning in describe_exposure([embedder.label]):
                say(warning)
            say(f"asking {embedder.label} for embeddings of {missing:,} instructions; they are kept in the run folder")
        return count_up(missing, "text")

    return BreadthPlan(seeds, embedder, begin)


def _tell_embedding(plan: BreadthPlan) -> None:
    if (embedder := plan.embedder) is None:
        return
    if embedder.cut:
        say(f"{embedder.cut:,} instructions were cut to fit the model")
    if embedder.tokens:
        say(f"the embeddings took {embedder.tokens:,} tokens")


def stats(runs: list[Path], tokenizer: Path | None, plan: BreadthPlan | None, as_json: bool) -> None:
    """Show the figures of one run or of several."""
    from evol.breadth import BreadthSample, measure_breadth
    from evol.stats import compute_stats
    from evol.tokens import TokenCounter

    counter = TokenCounter(tokenizer, "stats") if tokenizer else None
    found = []
    for folder in runs:
        sample = BreadthSample(plan.seeds) if plan else None
        one = compute_stats(folder, counter, [sample.add] if sample else [])
        if plan and sample:
            breadth = measure_breadth(sample, len(one.generations) - 1, folder, plan)
            one = one.model_copy(update={"breadth": breadth.stats if breadth else None})
        found.append(one)
    if plan:
        _tell_embedding(plan)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
    elif len(found) > 1:
        from evol.comparison import print_comparison

        print_comparison(found)
    else:
        from evol.breadth_tables import print_breadth
        from evol.tables import print_stats

        print_stats(found[0])
        if plan:
            print_breadth(found[0].breadth)


def write_html(runs: list[Path], path: Path, plan: BreadthPlan | None, as_json: bool) -> None:
    """Write the report of one run."""
    from evol.errors import UsageError
    from evol.report import write_report

    if len(runs) > 1:
        raise UsageError("--html shows one run at a time", "name one run folder")
    written, figures = write_report(runs[0], path, plan=plan)
    if plan:
        _tell_embedding(plan)
    if as_json:
        print_json([figures.model_dump(mode="json")])
        say(written.describe())
    else:
        tell(written.describe())
