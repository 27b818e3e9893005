"""Figures of the diagnosis: parts against the ratings, where points are lost, what moved the score, and its course."""

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.diagnosis.indicators import PARTS
from crmlab.diagnosis.movement import BETTER, WORSE
from crmlab.diagnosis.verdict import PROVISIONAL
from crmlab.messages import _, clauses, ngettext, sentences
from crmlab.plots.forest import DOT, HOLLOW, INTERVAL, rows_of
from crmlab.plots.house import is_narrow, new_axes
from crmlab.plots.labels import shortened
from crmlab.plots.svg import TOKENS

MUTED, LINE, INK, PAPER, C1, C2, Q2, D3 = (
    TOKENS[name] for name in ("muted", "line", "ink", "paper", "c1", "c2", "q2", "d3")
)
_MOST_STEPS, _MOST_ROWS = 8, 12  # what is told apart: of a bridge, of the indicators


def score_overview(diagnosis, ax=None):
    """The overall score and those of the parts, with intervals, against the ratings.

    `diagnosis` is what `diagnosis.scoring.diagnose` gives.
    """
    ax = new_axes() if ax is None else ax
    names = [_("Overall"), *(_(PARTS[part][0]) for part in diagnosis.parts["part"])]
    scores = [diagnosis.score, *diagnosis.parts["score"]]
    place = rows_of(ax, names)
    if is_narrow(ax):
        ax.set_yticks(place, [name.replace(" ", "\n", 1) for name in names], color=INK)
    ax.get_yticklabels()[0].set_fontweight("bold")
    _score_axis(ax)
    _bands(ax, diagnosis.bands)
    for at, score in zip(place, scores, strict=True):
        if score is None:
            ax.annotate(_("not known"), (0, at), xytext=(4, 0), textcoords="offset points", va="center", color=MUTED)
            continue
        colour = INK if at == 0 else C2 if score is _weakest(diagnosis).score else C1
        if score.low is not None:
            ax.hlines(at, score.low, score.high, color=colour, linewidth=INTERVAL)
        ax.scatter([score.value], [at], color=colour, marker="D" if colour == C2 else "o", **DOT)
        beside = {"textcoords": "offset points", "ha": "center", "va": "bottom", "color": colour}
        ax.annotate(language.number(score.value, 0), (score.value, at), xytext=(0, 7), **beside)
    weakest = _weakest(diagnosis)
    finding = _("Rated {rating}; weakest: {part}, {score} of 100 points")
    if diagnosis.rating is None:
        finding = _("Too little is known for a rating; weakest of what is known: {part}, {score} of 100 points")
    elif diagnosis.coverage < PROVISIONAL:
        finding = _("Provisionally rated {rating}; weakest of what is known: {part}, {score} of 100 points")
    finding = finding.format(
        rating=diagnosis.rating, part=_(PARTS[weakest.part][0]), score=language.number(weakest.score.value, 0)
    )
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{part}: not known").format(part=name)
        if score is None
        else _("{part}: {score} {evidence}").format(part=name, score=score.text(), evidence=score.evidence())
        for name, score in zip(names, scores, strict=True)
    )
    ax.set_label(_("{finding}. Scores with intervals: {rows}.").format(finding=finding, rows=told))
    return ax


def indicator_scores(diagnosis, ax=None):
    """Scores of the indicators that cost the overall score most, with intervals; hollow is the date before.

    `diagnosis` is what `diagnosis.scoring.diagnose` gives.
    """
    ax = new_axes() if ax is None else ax
    rows, rest = diagnosis.scored.head(_MOST_ROWS), diagnosis.scored.iloc[_MOST_ROWS:]
    place = _long_rows(ax, rows["label"].map(_))
    _score_axis(ax, room=18)
    if len(rest):
        others = ngettext("score; {n} other loses {loss} points", "score; {n} others lose {loss} points", len(rest))
        ax.set_xlabel(others.format(n=len(rest), loss=language.number(rest["loss"].sum(), 1)), loc="left")
    thick = 0.56 * min(1.0, len(rows) / 6)
    for at, row in zip(place, rows.itertuples(), strict=True):
        score, worst = row.score, at == 0 and row.loss > 0
        ax.barh(at, score.value, height=thick, color=D3 if worst else Q2, linewidth=0)
        if score.low is not None:
            ax.hlines(at, score.low, score.high, color=C2 if worst else C1, linewidth=INTERVAL)
        ax.scatter([score.value], [at], color=C2 if worst else C1, marker="D" if worst else "o", **DOT)
        if row.change == row.change and abs(row.change) >= 0.5:
            ax.scatter([score.value - row.change], [at], color=PAPER, edgecolor=MUTED, **HOLLOW)
        lost = "" if row.loss < 0.05 else f"−{language.number(row.loss, 1)}"
        text = {"textcoords": "offset points", "va": "center", "fontweight": "bold" if worst else "normal"}
        ax.annotate(lost, (116.5, at), xytext=(0, 0), ha="right", color=C2 if worst else MUTED, **text)
    lost = float(diagnosis.scored["loss"].sum())
    finding = _("Every indicator reaches its target")
    if lost > 0:
        finding = _("{indicator} costs most: {loss} of the {all} points lost").format(
            indicator=rows["label"].map(_).iloc[0],
            loss=language.number(rows["loss"].iloc[0], 1),
            all=language.number(lost, 1),
        )
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{indicator}: {score}, {loss} lost").format(
            indicator=_(row.label), score=language.number(row.score.value), loss=language.number(row.loss, 1)
        )
        for row in rows.itertuples()
    )
    ax.set_label(_("{finding}. Score of each indicator and points lost: {rows}.").format(finding=finding, rows=told))
    return ax


def score_movement(movement, ax=None):
    """From the score of the date before to this one, step by step; pale is what is neither better nor worse.

    `movement` is what `diagnosis.movement.movement` gives.
    """
    ax = new_axes() if ax is None else ax
    before, now = (float(score.value) for score in movement.course["score"].iloc[-2:])
    steps = _foremost(movement.steps)
    names = [_(step) for step in steps["step"]]
    first, last = movement.course["date"].iloc[-2:]
    place = _long_rows(ax, [first, *names, last])
    points = steps["points"].to_numpy(float)
    reached = before + np.concatenate([[0.0], np.cumsum(points)])
    own = steps["kind"].isin((BETTER, WORSE)).to_numpy()
    for at, start, step, valued in zip(place[1:], reached, points, own, strict=False):
        colour = LINE if not valued else C1 if step > 0 else C2
        ax.barh(at, step, left=start, height=0.6, color=colour, linewidth=0)
        further = max(start, start + step)
        text = {"textcoords": "offset points", "va": "center", "color": INK if valued else MUTED}
        ax.annotate(_signed(step), (further, at), xytext=(5, 0), **text)
    for at, score in ((place[0], before), (place[-1], now)):
        ax.scatter([score], [at], color=INK, **DOT)
        bold = {"textcoords": "offset points", "va": "center", "fontweight": "bold"}
        ax.annotate(language.number(score, 1), (score, at), xytext=(9, 0), **bold)
    for upper, at in enumerate(reached):
        ax.plot([at, at], [place[upper], place[upper + 1]], color=LINE, linewidth=1)
    least, most = reached.min(), reached.max()
    span = max(most - least, 1.0)
    ax.set_xlim(least - 0.1 * span, most + (0.3 if is_narrow(ax) else 0.16) * span)
    ax.set_xlabel(_("points of the overall score"), loc="left")
    finding = _("Since {day}, the score has not changed")
    if abs(now - before) >= 0.05:
        finding = _("{change} points since {day}; better and worse values alone: {values}")
    finding = finding.format(change=_signed(now - before), day=language.day(first), values=_signed(movement.by_values))
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{step} {points}").format(step=name, points=_signed(step)) for name, step in zip(names, points, strict=True)
    )
    bridge = _("Bridge from {before} to {now} points: {steps}.").format(
        before=language.number(before, 1), now=language.number(now, 1), steps=told
    )
    ax.set_label(sentences(_("{finding}.").format(finding=finding), bridge if told else ""))
    return ax


def score_course(movement, ax=None):
    """The overall score by as-of date, with intervals and ratings; dotted is where ratings begin today.

    `movement` is what `diagnosis.movement.movement` gives.
    """
    ax = new_axes() if ax is None else ax
    course = movement.course
    days = pd.to_datetime(course["date"]).to_numpy()
    values = [score.value for score in course["score"]]
    for cut in [*movement.bands.values()][:-1]:
        ax.axhline(cut, color=LINE, linewidth=1, linestyle=(0, (2, 3)))
    ax.plot(days, values, color=C1)
    for day, score in zip(days, course["score"], strict=True):
        if score.low is not None:
            ax.vlines(day, score.low, score.high, color=C1, linewidth=INTERVAL, alpha=0.55)
    ax.scatter(days, values, color=C1, **DOT)
    for day, score, rating in zip(days, values, course["rating"], strict=True):
        text = {"textcoords": "offset points", "ha": "left", "va": "bottom", "fontweight": "bold"}
        ax.annotate(rating, (day, score), xytext=(8, 4), **text)
    ax.set_ylim(0, 104)
    ax.set_yticks([0, 25, 50, 75, 100])
    room = 0.06 * (days[-1] - days[0])
    ax.set_xlim(days[0] - room, days[-1] + 1.6 * room)
    most = 3 if is_narrow(ax) else 6
    shown = np.unique(np.linspace(0, len(days) - 1, min(len(days), most)).round().astype(int))
    ax.set_xticks(days[shown], [str(course["date"].iloc[place]) for place in shown])
    ax.grid(False)
    n = language.number(len(days))
    told = {"first": language.number(values[0], 0), "last": language.number(values[-1], 0), "n": n}
    finding = _("Over {n} dates, the score went from {first} to {last} points").format(**told)
    ax.set_title(finding, loc="left")
    rows = clauses(
        _("{day}: {score}, rating {rating}").format(
            day=language.day(row.date), score=language.number(row.score.value, 1), rating=row.rating
        )
        for row in course.itertuples()
    )
    ax.set_label(_("{finding}. Overall score by date: {rows}.").format(finding=finding, rows=rows))
    return ax


def _long_rows(ax, names) -> np.ndarray:
    """Rows whose names get more room on a phone."""
    place = rows_of(ax, names)
    if is_narrow(ax):
        ax.set_yticks(place, [shortened(str(name), 138) for name in names], color=INK)
    return place


def _weakest(diagnosis):
    known = [row for row in diagnosis.parts.itertuples() if row.score is not None]
    return min(known, key=lambda row: row.score.value)


def _score_axis(ax, room: float = 0.0) -> None:
    ax.set_xlim(-2, 102 + room)
    ax.set_xticks([0, 25, 50, 75, 100])
    ax.set_xlabel(_("score, 0 to 100"), loc="left")


def _bands(ax, bands) -> None:
    """Where each rating begins, and its letter over the middle of it."""
    cuts = [*bands.values()]
    for cut in cuts[:-1]:
        ax.axvline(cut, color=LINE, linewidth=1, linestyle=(0, (2, 3)))
    for letter, low, high in zip(bands, cuts, [100.0, *cuts], strict=False):
        over = {"xycoords": ("data", "axes fraction"), "xytext": (0, 4), "textcoords": "offset points"}
        ax.annotate(letter, ((low + high) / 2, 1), ha="center", color=MUTED, **over)
    ax.xaxis.grid(False)


def _foremost(steps: pd.DataFrame) -> pd.DataFrame:
    """The largest steps, and the others together."""
    if len(steps) <= _MOST_STEPS:
        return steps
    first, rest = steps.iloc[: _MOST_STEPS - 1], steps.iloc[_MOST_STEPS - 1 :]
    together = ngettext("{n} other", "{n} others", len(rest)).format(n=len(rest))
    own = rest["kind"].isin((BETTER, WORSE))
    kind = BETTER if own.all() and rest["points"].sum() > 0 else WORSE if own.all() else ""
    return pd.concat([first, pd.DataFrame({"step": [together], "kind": [kind], "points": [rest["points"].sum()]})])


def _signed(points: float) -> str:
    told = language.number(points, 1)
    return f"+{told}" if round(points, 1) > 0 else told
