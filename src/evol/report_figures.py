"""The report's figures: what each shows, shaped for its chart, with the numbers behind it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from evol.breadth import Breadth, SampledRow
from evol.fate_charts import draw_funnel, draw_operations, draw_reasons
from evol.figures import PAPER_DIFFICULTY
from evol.markup import Figure
from evol.records import REASONS
from evol.report_data import STAGES, ReportData
from evol.speed import find_quantile
from evol.text_charts import draw_breadth, draw_difficulty, draw_lengths, draw_map
from evol.time_charts import draw_cost, draw_speed

MOST_HILLS = 11
"""Generations whose lengths are drawn; of more, some evenly spaced ones."""
MOST_POINTS = 4_000
"""Instructions that are drawn on the map."""

Point = tuple[int, int] | None
"""A mark of the map: place of its lineage in the page, place of its row in it; None where the page has it not."""

EXAMPLE_CHARS = 80
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
    if data.breadth is not None:
        drawn = _thin_out(data.breadth)
        figures += [_make_map(data, data.breadth, drawn), _make_breadth(data.breadth)]
        points = _find_points(data, [data.breadth.rows[place] for place in drawn])
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
        number: [find_quantile(found, percent) for percent in (50, 90, 99)] for number, found in counts.items()
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
    rated = {
        (mode, int(generation)): one
        for mode, found in sorted(data.stats.difficulty.items())
        for generation, one in found.generations.items()
        if one.mean is not None
    }
    if not rated:
        return
    modes = sorted({mode for mode, _ in rated})
    decimals = 2 if len(modes) == 1 else 1  # the panels are narrow
    yield Figure(
        "difficulty",
        "Difficulty, by generation",
        "Scores from 1 to 10 that a model gave; a spot's area is its share of the generation. The solid line and the "
        "numbers are the mean, the dashed one what the paper reports for its data (another rater: compare "
        "the slopes).",
        draw_difficulty(
            [
                {"mode": mode, "generation": generation, "score": int(score), "share": count / one.rated}
                for (mode, generation), one in rated.items()
                for score, count in one.distribution.items()
                if count
            ],
            [
                {"mode": mode, "generation": generation, "mean": one.mean, "label": f"{one.mean:.{decimals}f}"}
                for (mode, generation), one in rated.items()
            ],
            [
                {"generation": generation, "mean": mean, "label": f"{mean:.2f}"}
                for generation, mean in PAPER_DIFFICULTY.items()
                if generation <= max(generation for _, generation in rated)
            ],
            modes,
        ),
        ("mode", "generation", "mean", "paper", "rows"),
        [
            (mode, generation, f"{one.mean:.2f}", "" if one.paper is None else f"{one.paper:.2f}", one.rated)
            for (mode, generation), one in rated.items()
        ],
    )


def _thin_out(breadth: Breadth) -> list[int]:
    """The places of the rows that are drawn: of a large sample every other lineage, or fewer."""
    seeds = {seed_id: place for place, seed_id in enumerate(dict.fromkeys(row.seed_id for row in breadth.rows))}
    every = math.ceil(len(breadth.rows) / MOST_POINTS)
    return [place for place, row in enumerate(breadth.rows) if seeds[row.seed_id] % every == 0]


def _find_points(data: ReportData, rows: Sequence[SampledRow]) -> list[Point]:
    wanted = {row.seed_id for row in rows}
    places = {
        f"{lineage['id']}.{row['generation']}": (index, place)
        for index, lineage in enumerate(data.read_sample())
        if lineage["id"] in wanted
        for place, row in enumerate(lineage["rows"])
    }
    return [places.get(row.id) for row in rows]


def _make_map(data: ReportData, breadth: Breadth, drawn: Sequence[int]) -> Figure:
    stats, last = breadth.stats, data.manifest.generations
    rows = [
        {"x": breadth.points[place][0], "y": breadth.points[place][1], "generation": breadth.rows[place].generation}
        for place in drawn
    ]
    labels = [{"x": x, "y": y, "label": str(number)} for number, (x, y) in enumerate(breadth.centres, start=1)]
    some = "" if len(drawn) == len(breadth.rows) else f"{len(drawn):,} of them are drawn. "
    return Figure(
        "map",
        "Map of instructions",
        f"{len(breadth.rows):,} instructions kept, of {stats.seeds:,} seeds. {some}Embedding: {stats.embedding}. "
        "Flattened by t-SNE: near points are alike by that embedding, how far apart groups stand says nothing. The "
        f"numbers name {len(labels)} clusters (k-means), 1 is the largest. A click on a point opens its lineage.",
        draw_map(rows, labels, last),
        ("cluster", "rows", *(f"gen {number}" for number in range(last + 1)), "in its middle"),
        [
            (
                str(number),
                one.rows,
                *(one.generations.get(str(generation), 0) for generation in range(last + 1)),
                one.instruction if len(one.instruction) < EXAMPLE_CHARS else f"{one.instruction[:EXAMPLE_CHARS]} …",
            )
            for number, one in enumerate(stats.clusters, start=1)
        ],
    )


def _make_breadth(breadth: Breadth) -> Figure:
    stats = breadth.stats
    sets = {("seeds" if name == "0" else f"generation {name}"): one for name, one in stats.generations.items()}
    sets |= {"seeds, drawn": stats.sets["seeds"], "evolved, drawn": stats.sets["evolved"]}
    before, after = stats.sets["seeds"], stats.sets["evolved"]
    rows = [
        {"generation": int(name), "figure": figure, "value": value, "label": f"{value:.{digits}f}"}
        for name, one in stats.generations.items()
        for figure, value, digits in (("Vendi score", one.vendi, 1), ("mean distance", one.distance, 2))
        if value is not None
    ]
    return Figure(
        "breadth",
        "Breadth, by generation",
        f"Of the instructions on the map, by the same embedding. Vendi score: how many instructions with nothing in "
        f"common would be as varied (it grows with their number); {_show(before.vendi, 1)} of {before.rows:,} seeds, "
        f"{_show(after.vendi, 1)} of as many drawn from all that evolved. Mean distance: 1 less the cosine, all pairs.",
        draw_breadth(rows),
        ("set", "rows", "Vendi score", "mean distance", "clusters", "in the largest"),
        [
            (
                name,
                one.rows,
                _show(one.vendi, 2),
                _show(one.distance, 4),
                one.clusters,
                "-" if one.largest_cluster is None else f"{one.largest_cluster:.1%}",
            )
            for name, one in sets.items()
        ],
    )


def _show(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


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
