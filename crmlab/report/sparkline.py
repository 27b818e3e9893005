"""The course of a metric over the dates as one small line, beside each client's figures."""

from collections.abc import Mapping, Sequence
from datetime import date

from crmlab import language
from crmlab.messages import _
from crmlab.report import ledger
from crmlab.report.ledger import Column
from crmlab.report.published import Published

_WIDTH, _HEIGHT = 96, 36
# so that line and dot stay inside
_EDGE = 4
# the last dates, as many as a small line can show
_MOST = 24
# units in which clients of any size can be held against each other, and the ends of a score's scale
_OF_ANY_SIZE = {*language.SHARES, "points", "index", "ratio"}
_SCORE = (0.0, 100.0)


def curves(found: Mapping[str, Published], columns: Sequence[Column]) -> tuple[Column | None, bool, dict[str, dict]]:
    """The curves of the first column that has two dates somewhere.

    Returns
    -------
    tuple
        That column, or None; whether all stand on one scale; by client, the curve with its `label` in words and, in
        `sort`, its change from first to last.
    """
    for column in columns:
        courses = {id: course(client, column.metric) for id, client in found.items()}
        courses = {id: points for id, points in courses.items() if len(points) > 1}
        if courses:
            return column, *_drawn(found, column, courses)
    return None, False, {}


def course(client: Published, metric: str) -> list[tuple[str, dict]]:
    """What was published of a metric, by date, oldest first, as far as it is of one kind with the last."""
    known = [(as_of, client.metrics(as_of).get(metric) or {}) for as_of in client.dates]
    known = [(as_of, found) for as_of, found in known if found.get("value") is not None]
    return [point for point in known if ledger.comparable(point[1], known[-1][1])][-_MOST:]


def _drawn(found: Mapping[str, Published], column: Column, courses: Mapping) -> tuple[bool, dict[str, dict]]:
    units = {points[-1][1]["unit"] for points in courses.values()}
    one_scale = column.metric == "overall_score" or (len(units) == 1 and units <= _OF_ANY_SIZE)
    values = {id: [metric["value"] for _as_of, metric in points] for id, points in courses.items()}
    every = [value for own in values.values() for value in own]
    scale = _SCORE if column.metric == "overall_score" else (min(every), max(every))
    drawn = {}
    for id, points in courses.items():
        own = values[id]
        line = [(as_of, metric["value"]) for as_of, metric in points]
        change = own[-1] - own[0] if one_scale else own[-1] / own[0] - 1 if own[0] > 0 else 0.0
        drawn[id] = sparkline(line, scale if one_scale else (min(own), max(own)))
        drawn[id] |= {"label": _told(column, points), "sort": f"{change:.4g}"}
    return one_scale, drawn


def _told(column: Column, points: Sequence[tuple[str, dict]]) -> str:
    """A curve in words."""
    ends = [ledger.figure({column.metric: metric}, column) for _as_of, metric in (points[0], points[-1])]
    first, last = (f"{end['value']}{end['unit']}" for end in ends)
    return _("{figure}, {n} dates: from {first} to {last}").format(
        figure=column.curve, n=language.number(len(points)), first=first, last=last
    )


def sparkline(points: Sequence[tuple[str, float]], ends: tuple[float, float]) -> dict[str, str]:
    """A line through values by date: its `path`, and the place `x`, `y` of the last one.

    Parameters
    ----------
    points
        Dates (YYYY-MM-DD) and values, oldest first, two or more.
    ends
        The values at the bottom and at the top; a line between equal ends runs through the middle.

    Examples
    --------
    >>> sparkline([("2026-01-31", 0.0), ("2026-03-02", 5.0), ("2026-04-01", 10.0)], (0.0, 10.0))
    {'path': 'M0 32L48 18L96 4', 'x': '96', 'y': '4'}
    """
    days = [date.fromisoformat(as_of).toordinal() for as_of, _value in points]
    low, high = ends
    places = [
        (
            _short(_WIDTH * (day - days[0]) / (days[-1] - days[0])),
            _short(_EDGE + (_HEIGHT - 2 * _EDGE) * ((high - value) / (high - low) if high > low else 0.5)),
        )
        for day, (_as_of, value) in zip(days, points, strict=True)
    ]
    return {"path": "M" + "L".join(f"{x} {y}" for x, y in places), "x": places[-1][0], "y": places[-1][1]}


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
