"""The training mix: seeds and all generations of one or many runs, shuffled (WizardLM, section 3: the union, shuffled).

Made from the output files alone, in two passes. The first reads every row once, in order, and keeps facts of fixed size
(`mixing.survey`): gates, duplicates, contamination and choice work on these. The second reads the chosen rows by place,
in the order of the mix, and writes them (`mixing.writing`). The order is a hash of (random seed, row), so the same rows
give the same bytes whatever folders they came in, and `--size N` takes the first N of it: a uniform sample without
replacement. The files of the set appear together or not at all (`mixing.outputs`).
"""

from __future__ import annotations

from array import array
from pathlib import Path

from evol import __version__
from evol.errors import UsageError
from evol.files import digest_file
from evol.formats import OPENAI_MIN_ROWS, describe_for_axolotl, describe_for_llamafactory
from evol.mixing.card import render_card
from evol.mixing.cardfacts import CardFacts
from evol.mixing.choosing import choose_shares, hold_out
from evol.mixing.columns import check_parquet
from evol.mixing.duplicates import sort_shuffled
from evol.mixing.hub import check_hub, push
from evol.mixing.options import TRL_MAX_LENGTH, MixOptions, parse_weights, write_command
from evol.mixing.outputs import Outputs, Target, find_target
from evol.mixing.report import MergeReport
from evol.mixing.rows import Facts, RowFiles, Source, open_sources
from evol.mixing.survey import NOT_ASKED, Survey, survey
from evol.mixing.writing import MixWriter, Written, measure_lengths

_TOO_LONG_SHARE = 0.01
"""From this share of rows on, a warning says that they exceed the window."""


def merge(runs: list[Path], out: Path | None = None, options: MixOptions | None = None) -> MergeReport:
    """Write the training mix of one or many runs, with its side files.

    Args:
        runs: run folders.
        out: the mix or its folder; None stands for `mix.jsonl` in the only run.
        options: what goes in and how; None for the defaults.

    Raises:
        UsageError: options that cannot be, several runs without `out`, a file in the way, an unfinished run, runs that
            contradict each other, a missing library.
        FolderError: a run's files are damaged or incomplete.
        FolderInUse: a run is going on.
        StorageError: the disk refused.
        EndpointError: the Hub refused; the mix is written all the same.
    """
    options = options or MixOptions()
    options.check()
    if options.push_to_hub:
        check_hub()
    if options.format == "parquet":
        check_parquet()
    target = find_target(runs, out, options.shape.suffix)
    sources, notices = open_sources(runs, allow_unfinished=options.allow_unfinished)
    names = _name_files(target, options)
    report = MergeReport(target.folder / target.mix, is_dry=options.dry_run, notices=notices)
    with Outputs(target, names, dry=options.dry_run) as outputs, RowFiles(sources) as files:
        surveyed = survey(files, options)
        mix, holdout = _choose(surveyed.facts, files, options, report)
        writer = MixWriter(surveyed.facts, files, outputs, options, mix + holdout)
        written = writer.write_split(mix, target.mix, target.name("lineage.jsonl"))
        held = Written()
        if options.holdout:
            held = writer.write_split(
                holdout, target.name(f"holdout{target.suffix}"), target.name("holdout.lineage.jsonl")
            )
        report.left_out = writer.write_removed(target.name("removed.jsonl"))
        report.rows, report.holdout = written.rows, held.rows
        report.generations, report.operations, report.private = written.generations, written.operations, written.private
        report.lengths = measure_lengths(surveyed.facts, mix, is_exact=surveyed.counts_exactly)
        _warn(report, surveyed.facts, mix, options)
        _describe(outputs, options, names)
        command = write_command(options, runs, out)
        outputs.add(
            target.card, render_card(_tell(target, report, surveyed, options, sources), options, sources, command)
        )
        report.files = outputs.sizes
        outputs.commit(
            report.as_json()
            | {
                "evol_version": __version__,
                "format": options.format,
                "size": options.size,
                "random_seed": options.random_seed,
                "runs": [str(run) for run in runs],
                "command": command,
                "sha256": outputs.digests[target.mix],
            }
        )
    if options.push_to_hub:
        _push(target, report, options)
    return report


def _name_files(target: Target, options: MixOptions) -> list[str]:
    names = [target.mix, target.name("lineage.jsonl"), target.name("removed.jsonl"), target.card]
    if options.holdout:
        names += [target.name(f"holdout{target.suffix}"), target.name("holdout.lineage.jsonl")]
    if options.format == "llamafactory":
        names.append("dataset_info.json")
    if options.format == "axolotl":
        names.append(target.name("axolotl.yaml"))
    return names


def _name_data_files(target: Target, options: MixOptions) -> list[str]:
    return [target.mix, target.name(f"holdout{target.suffix}")] if options.holdout else [target.mix]


def _choose(facts: Facts, files: RowFiles, options: MixOptions, report: MergeReport) -> tuple[array[int], array[int]]:
    """Indices of the mix and of the holdout, each in its order."""
    asked_out = facts.reasons.get(NOT_ASKED)
    report.not_asked = sum(1 for verdict in facts.verdict if verdict == asked_out)
    if facts and report.not_asked == len(facts):
        raise UsageError("nothing is left: no row is what --only, --generations and --no-seeds ask for", "ask for less")
    order = sort_shuffled(facts)
    report.available = len(order)
    weights = parse_weights(options.per_generation)
    generation = [files.generation_of[number] for number in facts.file]
    if isinstance(weights, dict):
        deepest = max(source.manifest.generations for source in files.sources)
        if max(weights) > deepest:
            raise UsageError(
                f"--per-generation {options.per_generation}: no generation {max(weights)}",
                f"the runs have 0 to {deepest}",
            )
        order = [index for index in order if weights.get(generation[index])]
        there = {generation[index] for index in order}
        for number in sorted(number for number, share in weights.items() if share and number not in there):
            raise UsageError(
                f"--per-generation {options.per_generation}: nothing is left of generation {number}",
                "leave it out of the shares, or ask for less elsewhere",
            )
    holdout: list[int] = []
    if options.holdout:
        order, holdout = hold_out(order, facts.lineage, options.holdout, options.random_seed)
        if len(holdout) < options.holdout:
            report.notices.append(
                f"--holdout {options.holdout}: {len(holdout)} rows were held out, for a lineage is never split"
            )
        if options.dedupe == "off":
            report.notices.append("--holdout with --dedupe off: an instruction may stand in the mix and in the holdout")
    mix = choose_shares(order, generation, weights, options.size)
    if options.size is not None and len(mix) < options.size:
        why = "in the proportion asked for" if len(mix) < len(order) else "there, all of them are taken"
        report.notices.append(f"--size {options.size}: only {len(mix)} rows are {why}")
    return array("I", mix), array("I", holdout)


def _warn(report: MergeReport, facts: Facts, mix: array[int], options: MixOptions) -> None:
    """Say what the person who trains next would rather know now."""
    dropped = report.left_out["max_tokens"]
    if dropped > _TOO_LONG_SHARE * (report.available + dropped):
        share = dropped / (report.available + dropped)
        report.notices.append(f"{dropped} rows ({share:.1%}) exceed --max-tokens {options.max_tokens} and are left out")
    too_long = sum(1 for index in mix if facts.tokens(index) > TRL_MAX_LENGTH)
    if too_long > _TOO_LONG_SHARE * len(mix):
        how = "" if report.lengths.is_exact else ", estimated at four bytes a token (--tokenizer counts)"
        report.notices.append(
            f"{too_long} of {len(mix)} rows ({too_long / len(mix):.1%}) are longer than {TRL_MAX_LENGTH:,} tokens{how}"
            ", where TRL cuts by default: raise max_length there, or leave them out with --max-tokens"
        )
    if options.format == "openai" and len(mix) < OPENAI_MIN_ROWS:
        report.notices.append(f"OpenAI refuses fewer than {OPENAI_MIN_ROWS} rows; the mix has {len(mix)}")
    if not mix:
        report.notices.append("the mix is empty")


def _describe(outputs: Outputs, options: MixOptions, names: list[str]) -> None:
    """What a trainer needs beside the rows."""
    target = outputs.target
    data_files = _name_data_files(target, options)
    if "dataset_info.json" in names:
        outputs.add("dataset_info.json", describe_for_llamafactory(target.stem, data_files, options.system))
    if target.name("axolotl.yaml") in names:
        outputs.add(target.name("axolotl.yaml"), describe_for_axolotl(data_files))


def _tell(
    target: Target, report: MergeReport, surveyed: Survey, options: MixOptions, sources: list[Source]
) -> CardFacts:
    data_files = zip(("train", "test"), _name_data_files(target, options), (report.rows, report.holdout), strict=False)
    side_files = {target.name("lineage.jsonl"): "where each row comes from, in the order of the mix"}
    if options.holdout:
        side_files[target.name("holdout.lineage.jsonl")] = "the same for the holdout"
    benchmarks = surveyed.benchmarks.tallies if surveyed.benchmarks else {}
    title = options.push_to_hub or (target.folder.name if target.card == "README.md" else "")
    tokenizer = f"{options.tokenizer.name} (sha256 {digest_file(options.tokenizer)})" if options.tokenizer else ""
    return CardFacts(
        title=title or "Evol-Instruct mix of " + ", ".join(source.name for source in sources),
        data_files=list(data_files),
        side_files=side_files,
        columns=options.shape.columns_with(options.system),
        read=len(surveyed.facts),
        not_asked=report.not_asked,
        left_out=report.left_out,
        available=report.available,
        generations=report.generations,
        operations=report.operations,
        private=report.private,
        lengths=report.lengths,
        benchmarks=[(path.name, digest_file(path), tally.questions, tally.rows) for path, tally in benchmarks.items()],
        tokenizer=tokenizer,
    )


def _push(target: Target, report: MergeReport, options: MixOptions) -> None:
    """Send the set without what was removed and without the marker; the card becomes the repository's README."""
    names = {name: name for name in _name_files(target, options) if name != target.name("removed.jsonl")}
    names["README.md"] = names.pop(target.card)
    if options.dry_run:
        sizes = ", ".join(f"{name} ({report.files[source]:,} bytes)" for name, source in sorted(names.items()))
        report.pushed = f"would send to the dataset repository {options.push_to_hub}: {sizes}"
        return
    message = f"Training mix of {report.rows:,} rows, evol {__version__}"
    report.pushed = push(options.push_to_hub, {name: target.folder / source for name, source in names.items()}, message)
