"""The dataset card: what the mix is, from whom, how it was cleaned, and the command that makes it again. Pure.

Names of hosts, and folders outside the mix, stay out of it.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from evol import __version__
from evol.mixing.cardfacts import CardFacts
from evol.mixing.metadata import render_head
from evol.mixing.options import TRL_MAX_LENGTH, MixOptions
from evol.mixing.rows import Source

_INTRODUCTION = """An instruction-tuning mix made with Evol-Instruct (WizardLM,
[arXiv 2304.12244](https://arxiv.org/abs/2304.12244)): seed instructions were rewritten by a language model, generation
by generation, into harder and rarer ones; failed rewrites were eliminated, the others got a response from a model, and
seeds and all generations were merged and shuffled."""

_LIMITS = """- Evolved instructions and generated responses were written by the models named above and not checked by
  people: facts, code and arithmetic may be wrong.
- The mix has the blind spots, the style and the refusals of these models; their terms of use may apply to it.
- Elimination rules and the equality judge are heuristics."""


def render_card(facts: CardFacts, options: MixOptions, sources: list[Source], command: str) -> bytes:
    """The card as Markdown with its YAML head.

    Args:
        facts: counts and files.
        options: as asked.
        sources: the runs.
        command: what makes the mix again.
    """
    parts = [
        render_head(facts, options, sources),
        f"# {_clean(facts.title)}",
        _INTRODUCTION,
        _render_columns(facts, options),
        *(_render_source(source) for source in sources),
        _render_counts(facts, sources),
        _render_cleaning(facts, options),
        _render_lengths(facts),
        _render_limits(facts),
        f"## Reproduce\n\nWith evol {__version__} and the runs named above:\n\n```sh\n{command}\n```",
    ]
    return "\n\n".join(part for part in parts if part).encode()


def _render_columns(facts: CardFacts, options: MixOptions) -> str:
    files = [[f"`{name}`", f"{rows:,} rows, split `{split}`"] for split, name, rows in facts.data_files]
    files += [[f"`{name}`", clause] for name, clause in facts.side_files.items()]
    columns = ", ".join(f"`{name}`" for name in facts.columns)
    system = (
        f" Every row has this system prompt: {json.dumps(options.system, ensure_ascii=False)}."
        if options.system
        else ""
    )
    return (
        f"## Files\n\nFormat `{options.format}`, for {options.shape.reader}; columns {columns}.{system}\n\n"
        + _table(["file", "what"], files)
    )


def _render_source(source: Source) -> str:
    manifest = source.manifest
    roles = [
        (role, manifest.fingerprint[role]) for role in ("evolver", "judge", "responder") if role in manifest.fingerprint
    ]
    rows = [
        [
            role,
            str(settings.get("model", "")),
            ", ".join(f"{key} {value}" for key, value in settings.get("sampling", {}).items() if value is not False),
            str(settings.get("prompts") or "the instruction alone"),
        ]
        for role, settings in roles
    ]
    drawn: Counter[str] = Counter()
    for count in manifest.counts:
        if count.generation:
            drawn.update(count.operations)
    settings, seeds = manifest.settings, manifest.seeds
    text = (
        f"Seeds: `{_clean(Path(seeds.path).name)}`, {seeds.count:,} of them, sha256 of the normalised seeds "
        f"`{seeds.sha256}`. Prompt pack `{_clean(Path(str(settings.get('pack', ''))).name)}`, {manifest.generations} "
        f"generations, random seed {settings.get('random_seed', 0)}, seed responses: "
        f"{settings.get('seed_responses', 'keep')}, equality judge: {manifest.eliminator.get('judge', '')}."
    )
    table = _table(["role", "model", "sampling", "prompts (sha256)"], rows)
    operations = ", ".join(f"{_clean(name)} {count:,}" for name, count in sorted(drawn.items()))
    parts = [f"## Run {_clean(source.name)}", text, table, f"Operations drawn: {operations}." if operations else ""]
    return "\n\n".join(part for part in parts if part)


def _render_counts(facts: CardFacts, sources: list[Source]) -> str:
    counts = [count for source in sources for count in source.manifest.counts]
    seeds = sum(source.manifest.seeds.count for source in sources)
    later = [count for count in counts if count.generation]
    eliminated: Counter[str] = Counter()
    for count in counts:
        eliminated.update(count.eliminated)
    evolved = sum(count.survivors + sum(count.eliminated.values()) for count in later)
    steps = {"exact_duplicate": "exact duplicates", "near_duplicate": "near duplicates", "contaminated": "contaminated"}
    gates = {reason: f"left out by a gate: {reason}" for reason in sorted(facts.left_out.keys() - steps.keys())}
    rows = [
        ["seeds", f"{seeds:,}"],
        ["evolved (attempts)", f"{evolved:,}"],
        *([f"eliminated: {reason}", f"{-count:,}"] for reason, count in sorted(eliminated.items())),
        ["unfinished", f"{sum(count.unfinished for count in counts):,}"],
        ["kept: seeds and survivors", f"{facts.read:,}"],
        ["not asked for (generations, operations, skills)", f"{-facts.not_asked:,}"],
        *([name, f"{-facts.left_out[reason]:,}"] for reason, name in (gates | steps).items()),
        ["available", f"{facts.available:,}"],
        *([f"in the mix, split {split}", f"{count:,}"] for split, _, count in facts.data_files),
    ]
    shares = [
        *([f"generation {number}", f"{count:,}"] for number, count in sorted(facts.generations.items())),
        *([f"operation {name}", f"{count:,}"] for name, count in sorted(facts.operations.items())),
    ]
    return (
        "## Counts\n\n"
        + _table(["step", "rows"], rows)
        + "\n\nRows of the split `train`:\n\n"
        + _table(["of", "rows"], shares)
    )


def _render_cleaning(facts: CardFacts, options: MixOptions) -> str:
    lines = []
    if options.dedupe == "off":
        lines.append("Duplicates were not looked for.")
    else:
        lines.append(f"Exact repeats of an instruction (layout and Unicode form aside): the {options.keep} row stayed.")
    if options.dedupe == "near":
        lines.append(
            "Near duplicates: MinHash over word 3-grams, each pair verified on the texts (Jaccard and rapidfuzz), from "
            f"{options.near_threshold:g} across lineages and {options.near_lineage_threshold:g} within one, for a "
            f"child resembles its parent by design; the {options.keep} row stayed."
        )
    if facts.benchmarks:
        n = options.ngram_words
        lines.append(
            f"Decontamination: a row was left out where an n-gram of {n} words of a benchmark's question stands in its "
            f"instruction or response; a question of fewer words counts where it stands whole (five words or more) or "
            "where the instruction is 90 % alike (rapidfuzz); and with every row went all its descendants. N-grams and "
            "fuzzy matching do not see paraphrases or translations of a question, nor questions that were not in these "
            "files: " + "; ".join(
                f"`{_clean(name)}` (sha256 `{digest}`, {questions:,} questions, {rows:,} rows matched)"
                for name, digest, questions, rows in facts.benchmarks
            ) + "."
        )  # fmt: skip
    else:
        lines.append("Decontamination was not done: nothing is known about overlap with benchmarks.")
    gates = {reason: count for reason, count in sorted(facts.left_out.items()) if not reason.endswith("_duplicate")}
    if gates:
        lines.append("Left out: " + ", ".join(f"{count:,} `{_clean(reason)}`" for reason, count in gates.items()) + ".")
    found = ", ".join(f"{count:,} {kind}" for kind, count in sorted(facts.private.items())) or "none"
    dropped = "such rows were left out" if options.drop_private else "they were left in"
    lines.append(f"Patterns of private data in the mix (e-mail, telephone, key): {found}; {dropped}.")
    return "## Cleaning\n\n" + "\n".join(f"- {line}" for line in lines)


def _render_lengths(facts: CardFacts) -> str:
    how = f"counted with {_clean(facts.tokenizer)}" if facts.lengths.is_exact else "estimated at four bytes a token"
    rows = [
        [name, f"{mean:.1f}", *(f"{value:,}" for value in rest)] for name, (mean, *rest) in facts.lengths.rows.items()
    ]
    return f"## Lengths\n\nTokens of the split `train`, {how}.\n\n" + _table(
        ["of", "mean", "p50", "p90", "p99", "largest"], rows
    )


def _render_limits(facts: CardFacts) -> str:
    long = facts.lengths.rows and facts.lengths.rows["whole row"][4] > TRL_MAX_LENGTH
    more = (
        f"\n- Some rows are longer than {TRL_MAX_LENGTH:,} tokens, where some trainers cut by default." if long else ""
    )
    return f"## Limits\n\n{_LIMITS}{more}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_clean(cell) for cell in line) + " |" for line in lines)


def _clean(text: str) -> str:
    """A name from outside as one line of Markdown that is nothing but text."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
