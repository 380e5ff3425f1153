"""`evol compare --html`: the figures of a comparison and every verdict beside both responses, on one page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from evol.evaluation.charts import draw_interval, draw_key, draw_shares
from evol.evaluation.compare import Contest, group_readings
from evol.evaluation.figures import Readings, Settled
from evol.evaluation.html import assemble_page, check_page_target, escape, read_asset, write_page
from evol.evaluation.records import Comparison, Interval, Pair, Question, Tally, Verdict
from evol.evaluation.tables import describe_bias

GENERATOR = "evol compare"
MAX_SHOWN = 1000
"""Questions whose verdicts stand on the page; more are sampled evenly, and the page says so."""

_RESULTS = ("win", "tie", "loss", "unreadable", "unfinished")

PairSettled = Mapping[tuple[str, str], Sequence[Settled]]


def check_comparison_page(path: Path) -> None:
    """Refuse a place where the page cannot stand, before anything is paid; see `html.check_page_target`."""
    check_page_target(path, GENERATOR)


def write_comparison_page(
    path: Path, contest: Contest, comparison: Comparison, settled: PairSettled, verdicts: Iterable[Verdict | None]
) -> None:
    """Write the page, whole or not at all.

    Raises:
        UsageError: the path is a folder, or a file that `evol compare` did not write.
        StorageError: the disk refused.
    """
    title = f"{' · '.join(contest.names)}: judged by {comparison.judge_model}"
    body = "".join(["<main>", *_lay_out(contest, comparison, settled, group_readings(verdicts)), "</main>"])
    style = read_asset("page.css") + read_asset("compare.css")
    write_page(path, assemble_page(title, GENERATOR, style, body, read_asset("compare.js")), GENERATOR)


def _lay_out(
    contest: Contest,
    comparison: Comparison,
    settled: PairSettled,
    readings: Mapping[tuple[str, str], Mapping[str, Readings]],
) -> Iterator[str]:
    orders = "each pair in both orders" if comparison.order == "both" else "odd ids one way, even ids the other"
    yield f"<h1>{escape(' · '.join(contest.names))}</h1>"
    yield (
        f'<p class="soft">{comparison.questions:,} questions, judged by {escape(comparison.judge_model)}, {orders}. '
        "A win counts only where all readings agree, else it is a tie. Intervals: 95 %, bootstrap over questions, "
        f"{comparison.resamples:,} resamples; over a handful of questions they are too narrow.</p>"
    )
    for name, count in comparison.left_out.items():
        yield f'<p class="soft">{escape(name)}: {count} questions are not in every file and are left out.</p>'
    for name, count in comparison.empty_responses.items():
        yield f'<p class="soft">{escape(name)}: {count} responses are empty and were judged as such.</p>'
    if comparison.ratings:
        yield from _lay_out_ratings(comparison)
    for pair in comparison.pairs:
        yield from _lay_out_pair(pair)
    yield from _lay_out_verdicts(contest, settled, readings)


def _lay_out_ratings(comparison: Comparison) -> Iterator[str]:
    low = min(one.rating.low for one in comparison.ratings) - 20
    high = max(one.rating.high for one in comparison.ratings) + 20
    yield "<h2>Bradley-Terry rating</h2>"
    yield '<p class="soft">The mean is 1000 (the rule); 400 points are odds of ten to one.</p>'
    yield '<div class="wide card"><table><tr><th>responses</th><th>rating</th><th>95 %</th><th></th></tr>'
    for one in comparison.ratings:
        chart = draw_interval(one.rating, low, high, 1000, f"rating {one.rating.value:.0f}")
        yield (
            f"<tr><td>{escape(one.name)}</td><td>{one.rating.value:.0f}</td>"
            f'<td>{one.rating.low:.0f} to {one.rating.high:.0f}</td><td class="chart">{chart}</td></tr>'
        )
    yield "</table></div>"


def _lay_out_pair(pair: Pair) -> Iterator[str]:
    overall = pair.overall
    yield f"<section><h2>{escape(pair.a)} against {escape(pair.b)}</h2>"
    yield f'<div class="card whole">{draw_shares(overall)}<p class="key">'
    for colour, count, what in (
        ("fa", overall.wins, f"{pair.a} won"),
        ("ft", overall.ties, "tied"),
        ("fb", overall.losses, f"{pair.b} won"),
        ("fn", overall.unreadable + overall.unfinished, "without a verdict"),
    ):
        if count or colour != "fn":
            yield f"<span>{draw_key(colour)}{count:,} {escape(what)}</span>"
    yield '</p></div><div class="tiles">'
    for figure, what in (
        (overall.win_rate, "win rate, a tie being half a win"),
        (overall.decided_win_rate, "of the decided questions won"),
        (overall.capacity, f"capacity: {pair.a}'s total score over {pair.b}'s"),
    ):
        figures = f"<b>{_percent(figure)}</b>{_interval(figure)}"
        yield f'<div class="card tile">{figures}<p class="soft">{escape(what)}</p></div>'
    yield f"</div><p>{escape(describe_bias(pair.bias)[:1].upper() + describe_bias(pair.bias)[1:])}.</p>"
    if pair.unreadable_verdicts or overall.unfinished:
        yield (
            f"<p>{pair.unreadable_verdicts} verdicts could not be read ({overall.unreadable} questions); "
            f"{overall.unfinished} questions are unfinished.</p>"
        )
    for what, groups in (("difficulty", pair.by_difficulty), ("skill", pair.by_skill)):
        if groups:
            yield from _lay_out_groups(pair, what, groups)
    yield "</section>"


def _lay_out_groups(pair: Pair, what: str, groups: Mapping[str, Tally]) -> Iterator[str]:
    top = max([1.5, *(tally.capacity.value * 1.1 for tally in groups.values() if tally.capacity)])
    yield f"<h3>By {what}</h3>"
    yield f'<div class="wide card"><table><tr><th>{what}</th><th>questions</th><th>won, tied, lost by {escape(pair.a)}'
    yield "</th><th></th><th>win rate</th><th>capacity</th><th>(the rule: 100 %)</th></tr>"
    for name, tally in groups.items():
        chart = draw_interval(tally.capacity, 0, top, 1, f"capacity {_percent(tally.capacity)}")
        yield f"<tr><td>{escape(name)}</td><td>{tally.questions}</td>"
        yield f'<td>{tally.wins} / {tally.ties} / {tally.losses}</td><td class="chart">{draw_shares(tally)}</td>'
        yield f"<td>{_percent(tally.win_rate)} {_interval(tally.win_rate)}</td>"
        yield f'<td>{_percent(tally.capacity)} {_interval(tally.capacity)}</td><td class="chart">{chart}</td></tr>'
    yield "</table></div>"


def _lay_out_verdicts(
    contest: Contest, settled: PairSettled, readings: Mapping[tuple[str, str], Mapping[str, Readings]]
) -> Iterator[str]:
    questions = contest.questions
    step = max(1, -(-len(questions) // MAX_SHOWN))
    skills = sorted({question.skill for question in questions if question.skill})
    yield "<h2>Verdicts</h2>"
    if step > 1:
        shown = f"Of {len(questions):,} questions one in {step} is shown here; the figures are over all."
        yield f'<p class="soft">{shown}</p>'
    yield '<div class="filters"><input id="words" type="search" placeholder="Search" aria-label="Search all texts">'
    yield '<select id="skill" aria-label="Skill"><option value="">every skill</option>'
    yield "".join(f'<option value="{escape(skill)}">{escape(skill)}</option>' for skill in skills)
    yield '</select><select id="result" aria-label="Result"><option value="">every result</option>'
    yield "".join(f'<option value="{result}">{result}</option>' for result in _RESULTS)
    yield '</select></div><p class="soft" id="count" aria-live="polite"></p>'
    for place in range(0, len(questions), step):
        yield from _lay_out_question(
            contest, questions[place], {pair: found[place] for pair, found in settled.items()}, readings
        )


def _lay_out_question(
    contest: Contest,
    question: Question,
    results: Mapping[tuple[str, str], Settled],
    readings: Mapping[tuple[str, str], Mapping[str, Readings]],
) -> Iterator[str]:
    several = len(results) > 1
    kinds = " ".join(sorted({one.result for one in results.values()}))
    yield f'<details class="question card" data-skill="{escape(question.skill)}" data-results="{kinds}"><summary>'
    yield f"<bdi>{escape(question.id)}</bdi>"
    for (a, b), one in results.items():
        told = f"{a} – {b}: {one.result}" if several else one.result
        yield f'<span class="chip {one.result}">{escape(told)}</span>'
    tags = [question.skill, f"difficulty {question.difficulty:g}" if question.difficulty else ""]
    yield "".join(f'<span class="chip">{escape(tag)}</span>' for tag in tags if tag)
    first_line = " ".join(question.instruction.split())
    yield f' <bdi class="soft">{escape(first_line[:110])}{"…" if len(first_line) > 110 else ""}</bdi></summary>'
    yield f'<p class="text asked">{escape(question.instruction)}</p><div class="sides">'
    for given in contest.sets:
        response = given.responses[question.id]
        shown = f'<p class="text">{escape(response)}</p>' if response else '<p class="soft">an empty response</p>'
        yield f"<div><h3>{escape(given.name)}</h3>{shown}</div>"
    yield "</div>"
    for (a, b), settled in results.items():
        if several:
            yield f"<h3>{escape(a)} against {escape(b)}: {settled.result}</h3>"
        for order, verdict in sorted(readings.get((a, b), {}).get(question.id, {}).items()):
            first, second = (a, b) if order == "ab" else (b, a)
            scores = f"{escape(a)} {verdict.score_a:g}, {escape(b)} {verdict.score_b:g}"
            head = "unreadable" if verdict.winner == "unreadable" else scores
            yield (
                f'<div class="reading"><b>{head}</b> <span class="soft">{escape(first)} read first, then '
                f"{escape(second)}{', asked twice' if verdict.asks > 1 else ''}</span>"
                f'<p class="text">{escape(verdict.reason)}</p></div>'
            )
    yield "</details>"


def _percent(figure: Interval | None) -> str:
    return "–" if figure is None else f"{figure.value * 100:.1f} %"


def _interval(figure: Interval | None) -> str:
    return "" if figure is None else f'<span class="soft">{figure.low * 100:.0f} to {figure.high * 100:.0f}</span>'
