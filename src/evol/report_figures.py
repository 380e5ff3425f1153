"""The report's figures: what each shows, shaped for its chart, with the numbers behind it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from evol.fate_charts import draw_funnel, draw_operations, draw_reasons
from evol.markup import Figure
from evol.records import REASONS
from evol.report_data import STAGES, ReportData
from evol.text_charts import draw_difficulty, draw_lengths, draw_map
from evol.textmap import project
from evol.time_charts import draw_cost, draw_speed

PAPER_DIFFICULTY = (3.00, 5.48, 6.35, 6.84, 7.08)
"""Mean difficulty of the seeds and generations 1 to 4 in the paper (WizardLM, analysis of its data)."""

MOST_HILLS = 11
"""Generations whose lengths are drawn; of more, some evenly spaced ones."""
MOST_POINTS = 2_000
"""Instructions on the map."""

Point = tuple[int, int]
"""A mark of the map: place of its lineage in the page, place of its row in the lineage."""

_GRID = 72
_BANDWIDTH = 0.13
"""Of the smoothing, in natural logarithms of words."""


def make_figures(data: ReportData) -> tuple[list[Figure], list[Point]]:
    """All figures this run has something to show for, and what the map's marks stand for, in their order."""
    figures: list[Figure] = []
    points: list[Point] = []
    if data.manifest.generations:
        figures += [_make_funnel(data), *_make_reasons(data), *_make_operations(data)]
    figures += [*_make_lengths(data, "instruction"), *_make_lengths(data, "response"), *_make_difficulty(data)]
    figures += _make_time(data)
    rows, texts = _find_points(data)
    if len(texts) >= 3:
        figures.append(_make_map(data, rows, texts))
        points = rows
    return figures, points


def _make_funnel(data: ReportData) -> Figure:
    last = data.manifest.generations
    stages = [name for name in STAGES if name != "not judged equal" or data.manifest.eliminator.get("judge") != "off"]
    rows = [
        {"stage": stage, "generation": generation, "count": data.stages[stage][generation]}
        for stage in stages
        for generation in range(1, last + 1)
    ]
    return Figure(
        "funnel",
        "From seeds to kept evolutions",
        "Due are seeds times generations. An evolution is checked by rules that cost nothing, compared with its parent "
        "by the judge (in-depth operations), then responded to and checked once more.",
        draw_funnel(rows, last),
        ("generation", *stages),
        [(number, *(data.stages[stage][number] for stage in stages)) for number in range(1, last + 1)],
    )


def _make_reasons(data: ReportData) -> Iterator[Figure]:
    counts = {count.generation: count for count in data.stats.generations if count.generation}
    reasons = [reason for reason in REASONS if any(reason in count.eliminated for count in counts.values())]
    if not reasons:
        return
    rows = []
    for generation, count in counts.items():
        evolved = count.survivors + sum(count.eliminated.values())
        for reason in reasons:
            found = count.eliminated.get(reason, 0)
            share = found / evolved if evolved else 0
            rows.append(
                {"generation": generation, "reason": reason, "count": found, "share": share, "label": f"{found:,}"}
            )
    yield Figure(
        "reasons",
        "Eliminated, by reason and generation",
        "Counts; the stronger the colour, the greater the share of that generation's evolutions. An eliminated "
        "evolution's parent goes on and is tried again in the next generation.",
        draw_reasons(rows),
        ("reason", *(f"generation {number}" for number in counts)),
        [(reason, *(count.eliminated.get(reason, 0) for count in counts.values())) for reason in reasons],
    )


def _make_operations(data: ReportData) -> Iterator[Figure]:
    found = sorted(data.stats.operations.items(), key=lambda item: (-item[1].drawn, item[0]))
    if not found:
        return
    rows = [
        {
            "operation": name, "drawn": one.drawn, "survived": one.survived,
            "label": f"{one.survived:,} of {one.drawn:,}  {one.survived / one.drawn:.0%}",
        }
        for name, one in found
    ]  # fmt: skip
    yield Figure(
        "operations",
        "Operations, drawn and survived",
        "The whole bar is how often an operation was drawn, the coloured part what survived.",
        draw_operations(rows),
        ("operation", "drawn", "survived", "rate"),
        [(name, one.drawn, one.survived, f"{one.survived / one.drawn:.1%}") for name, one in found],
    )


def _make_lengths(data: ReportData, kind: str) -> Iterator[Figure]:
    last = data.manifest.generations
    every = max(1, math.ceil(last / (MOST_HILLS - 1)))
    chosen = [number for number in range(last + 1) if number % every == 0 or number == last]
    counts = {number: data.lengths[kind][number] for number in chosen if data.lengths[kind].get(number)}
    longest = max((words for found in counts.values() for words in found), default=0)
    if not longest:
        return
    low = math.log(max(1, min(words for found in counts.values() for words in found))) - 3 * _BANDWIDTH
    high = math.log(longest) + 3 * _BANDWIDTH
    grid = [low + (high - low) * step / _GRID for step in range(_GRID + 1)]
    rows = [
        {"generation": number, "words": round(math.exp(place), 2), "density": round(density, 4)}
        for number, found in counts.items()
        for place, density in zip(grid, smooth(found, grid), strict=True)
    ]
    quantiles = {
        number: [find_quantile(found, share) for share in (0.5, 0.9, 0.99)] for number, found in counts.items()
    }
    yield Figure(
        f"{kind}-lengths",
        f"Length of {kind}s, by generation",
        "Words of the rows kept, smoothed, on a logarithmic axis; all hills are equally high. Left "
        "the generation; the line and the number on the right are the median.",
        draw_lengths(
            rows,
            [{"generation": number, "words": max(1, found[0])} for number, found in quantiles.items()],
            list(counts),
            last,
            f"{kind}-lengths",
        ),
        ("generation", "p50", "p90", "p99", "rows"),
        [(number, *found, counts[number].total()) for number, found in quantiles.items()],
    )


def _make_difficulty(data: ReportData) -> Iterator[Figure]:
    counts = data.difficulty.counts
    if not counts:
        return
    modes, means, numbers = [], {}, []
    for mode, by_generation in sorted(counts.items()):
        modes.append(mode)
        for generation, found in sorted(by_generation.items()):
            mean = sum(score * count for score, count in found.items()) / found.total()
            means[mode, generation] = mean
            paper = f"{PAPER_DIFFICULTY[generation]:.2f}" if generation < len(PAPER_DIFFICULTY) else ""
            numbers.append((mode, generation, f"{mean:.2f}", paper, found.total()))
    decimals = 2 if len(modes) == 1 else 1  # the panels are narrow
    yield Figure(
        "difficulty",
        "Difficulty, by generation",
        "Scores from 1 to 10 that a model gave; a spot's area is its share of the generation. The solid line and the "
        "numbers are the mean, the dashed one what the paper reports for its data (another rater: compare "
        "the slopes).",
        draw_difficulty(
            [
                {"mode": mode, "generation": generation, "score": score, "share": count / found.total()}
                for mode in modes
                for generation, found in sorted(counts[mode].items())
                for score, count in sorted(found.items())
            ],
            [
                {"mode": mode, "generation": generation, "mean": mean, "label": f"{mean:.{decimals}f}"}
                for (mode, generation), mean in means.items()
            ],
            [
                {"generation": generation, "mean": mean, "label": f"{mean:.2f}"}
                for generation, mean in enumerate(PAPER_DIFFICULTY)
                if generation <= max(generation for _, generation in means)
            ],
            modes,
        ),
        ("mode", "generation", "mean", "paper", "rows"),
        numbers,
    )


def _find_points(data: ReportData) -> tuple[list[Point], list[str]]:
    """The kept instructions of the first sampled lineages; whole lineages, at most MOST_POINTS."""
    rows: list[Point] = []
    texts: list[str] = []
    wanted = MOST_POINTS // (data.manifest.generations + 1)
    lineages = list(data.read_sample())
    step = max(1, math.ceil(len(lineages) / max(1, wanted)))
    for index in range(0, len(lineages), step):
        for place, row in enumerate(lineages[index]["rows"]):
            if "reason" not in row:
                rows.append((index, place))
                texts.append(row["instruction"])
    return rows, texts


def _make_map(data: ReportData, points: Sequence[Point], texts: Sequence[str]) -> Figure:
    lineages = list(data.read_sample())
    places, share = project(texts)
    rows = [
        {"x": x, "y": y, "generation": lineages[index]["rows"][place]["generation"]}
        for (x, y), (index, place) in zip(places, points, strict=True)
    ]
    return Figure(
        "map",
        "Map of instructions",
        f"{len(rows):,} instructions kept. Computed from words and letter sequences (TF-IDF), without a model, and "
        f"flattened to the two strongest directions, which hold {share:.0%} of all differences: near points share "
        "words, not necessarily meaning. A click on a point opens its lineage.",
        draw_map(rows, data.manifest.generations),
    )


def _make_time(data: ReportData) -> Iterator[Figure]:
    line = data.timeline
    if line is None or not line.width:
        return
    scale, unit = (60.0, "minutes") if line.seconds < 3 * 3600 else (3600.0, "hours")
    if line.seconds < 180:
        scale, unit = 1.0, "seconds"
    starts = [round(one.start / scale, 3) for one in line.bins]
    ends = [round((one.start + line.width) / scale, 3) for one in line.bins]
    pauses = f" {line.pauses:,} pauses are cut out." if line.pauses else ""
    rates = [
        {"time": start, "kind": kind, "rate": count / line.width}
        for start, one in zip(starts, line.bins, strict=True)
        for kind, count in (("calls", one.calls), ("failures", one.failures))
    ]
    latencies = [
        {"time": start, "p50": one.latencies[0], "p95": one.latencies[1]}
        for start, one in zip(starts, line.bins, strict=True)
        if one.latencies
    ]
    slots = [{"time": time / scale, "endpoint": label, "slots": limit} for time, label, limit in line.slots]
    last = {endpoint: limit for _, endpoint, limit in line.slots}
    slots += [{"time": line.seconds / scale, "endpoint": label, "slots": limit} for label, limit in last.items()]
    calls = sum(one.calls for one in line.bins)
    yield Figure(
        "speed",
        "Speed over time",
        f"{calls:,} calls, {_describe_rate(calls / line.seconds)} a second. Latency: median and the 95th percentile."
        f"{' In flight: calls allowed at once, by endpoint.' if slots else ''}{pauses}",
        draw_speed(rates, latencies, slots, unit),
    )
    tokens = [
        {"time": time, "role": role, "tokens": count}
        for time, one in zip(ends, line.bins, strict=True)
        for role, count in one.tokens.items()
    ]
    costs = [{"time": time, "cost": one.cost} for time, one in zip(ends, line.bins, strict=True) if one.cost]
    known = line.bins[-1].cost is not None
    yield Figure(
        "cost",
        "Cost over time",
        "Tokens in and out by role" + (", and money." if costs else ".")
        + ("" if known else " The price is unknown, so no money is shown."),
        draw_cost(tokens, costs, unit),
    )  # fmt: skip


def _describe_rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def smooth(counts: Mapping[int, int], grid: Sequence[float]) -> list[float]:
    """The density of lengths over a grid of logarithms, its highest value 1."""
    logs: Counter[float] = Counter()
    for words, count in counts.items():
        logs[round(math.log(max(1, words)), 2)] += count  # a hundredth is far below the bandwidth
    densities = [
        sum(count * math.exp(-(((place - log) / _BANDWIDTH) ** 2) / 2) for log, count in logs.items()) for place in grid
    ]
    most = max(densities)
    return [density / most for density in densities]


def find_quantile(counts: Mapping[int, int], share: float) -> int:
    """Nearest rank: the smallest length that at least this share of all do not exceed."""
    wanted = math.ceil(sum(counts.values()) * share)
    seen = 0
    for words in sorted(counts):
        seen += counts[words]
        if seen >= wanted:
            return words
    return 0
