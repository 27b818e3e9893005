"""What a notebook says in words: the bottom line, its key figures, answers, cautions.

Each function returns a `Block`: plain text with a type. JupyterLab shows it plainly, the report in house style.
Text is never markup: a customer's name reads as it was typed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from crmlab import language
from crmlab.absence import Absent
from crmlab.messages import _, clauses, sentences, spoken

if TYPE_CHECKING:
    from crmlab.intervals import Estimate, Target

MIME = "application/vnd.crmlab+json"


def as_text(html: str) -> str:
    """HTML for JupyterLab, which would set what stands between two dollar signs as a formula."""
    return f'<div class="mathjax_ignore">{html}</div>'


@dataclass(frozen=True, eq=False)
class Block:
    """Something to show: `content` for the report, `html` and `text` for JupyterLab."""

    content: dict
    html: str
    text: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/plain": self.text, "text/html": as_text(self.html), MIME: self.content}


# where a table or figure would stand of what is absent
NOTHING = Block({"type": "nothing"}, "", "")


@dataclass(frozen=True)
class Missing:
    """A key figure that could not be estimated, and why."""

    label: str
    reason: str


def missing(label: str, reason: str) -> Missing:
    """A key figure that could not be estimated: "Not estimated: the client supplies no acquisition_spend table."."""
    return Missing(_(label), _(reason))


def bottom_line(headline: str, *parts: str) -> Block:
    """The verdict as a headline, then one or two sentences: why, and what to do.

    Where the headline is absent, the first sentence there is takes its place, and the last one says what is missing.

    Parameters
    ----------
    headline, parts
        Whole sentences, as `.summary()` gives them.
    """
    said = [part for part in (headline, *parts) if not isinstance(part, Absent)]
    if isinstance(headline, Absent):
        said.append(_("This verdict is a partial one: {reason}.").format(reason=headline.reason.rstrip(".")))
    headline, *parts = said
    headline, rest = _said(headline), sentences(*map(_said, parts))
    html = f"<p><strong>{escape(headline)}</strong> {escape(rest)}</p>"
    return Block({"type": "bottom_line", "headline": headline, "text": rest}, html, sentences(headline, rest))


def answer(*parts: str | Absent) -> Block:
    """The paragraph under a section's question: its answer, with estimate, interval and n.

    Parts that are absent are left out; where all are, a note says why.

    Parameters
    ----------
    parts
        Whole sentences, as `.summary()` gives them.
    """
    reasons = dict.fromkeys(part.reason for part in parts if isinstance(part, Absent))
    parts = [part for part in parts if not isinstance(part, Absent)]
    if reasons and not parts:
        return _note("skipped", _("Left out."), _("{reason}.").format(reason=capitalised(clauses(reasons).rstrip("."))))
    text = sentences(*map(_said, parts))
    return Block({"type": "answer", "text": text}, f"<p>{escape(text)}</p>", text)


def caution(title: str, text: str) -> Block:
    """What not to conclude: a `title` of a few words, a `text` of whole sentences; nothing where it is absent."""
    if isinstance(text, Absent):
        return NOTHING
    return _note("caution", title, text)


def skipped(title: str, text: str) -> Block:
    """What was left out for want of data, and how to include it."""
    return _note("skipped", title, text)


def _note(kind: str, title: str, text: str) -> Block:
    title, text = _said(title), _said(text)
    html = f"<p><strong>{escape(title)}</strong> {escape(text)}</p>"
    return Block({"type": kind, "title": title, "text": text}, html, sentences(title, text))


def _said(text: object) -> str:
    """What a notebook says in English in the report's language; what a result says is in it already."""
    return _(str(text))


def key_figures(
    figures: Mapping[str, Estimate | Missing],
    *,
    scales: Mapping[str, tuple[float, float]] | None = None,
    targets: Mapping[str, Target] | None = None,
    previous: Mapping[str, Mapping] | None = None,
) -> Block:
    """The three to five figures a reader takes away, each with its interval, or why it has none.

    Parameters
    ----------
    figures
        By the name under which the metric is published: an estimate with its label, or `missing(label, reason)`. Those
        that are absent are left out.
    scales
        Ends of the bar by name; 0 to 100% for shares, -100 to 100 for points, else from 0 to a round number.
    targets
        What the client aims at, by name; those of other metrics are passed over. Held against the whole interval: one
        that contains the target cannot tell.
    previous
        What the last run published, by name: `client.previous`.

    Raises
    ------
    ValueError
        If `scales` name no key figure, or one does not rise.
    """
    scales, targets, previous = scales or {}, targets or {}, previous or {}
    scales = {name: scale for name, scale in scales.items() if not isinstance(figures.get(name), Absent)}
    figures = {name: figure for name, figure in figures.items() if not isinstance(figure, Absent)}
    unknown = sorted(set(scales) - set(figures))
    if unknown:
        raise ValueError(f"`scales` names {unknown[0]!r}, which is no key figure; known: {', '.join(figures)}")
    cards = [
        {"name": capitalised(estimate.label), "none": capitalised(estimate.reason)}
        if isinstance(estimate, Missing)
        else _card(estimate, scales.get(name), targets.get(name), previous.get(name))
        for name, estimate in figures.items()
    ]
    lines = [f"{card['name']}: {card.get('none') or _line(card)}" for card in cards]
    html = "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
    return Block({"type": "key_figures", "cards": cards}, html, "\n".join(lines))


def capitalised(text: str) -> str:
    """With a capital first letter; the rest as it is."""
    return text[:1].upper() + text[1:]


def _line(card: dict) -> str:
    figure = f"{card['value']}{card['unit']} {card['bounds']}".rstrip()
    return f"{figure} ({clauses(part for part in (card['note'], card['change'], card['state_text']) if part)})"


def _card(estimate: Estimate, scale, target: Target | None, previous: Mapping | None) -> dict:
    state, state_text = _state(estimate, target)
    value, unit, bounds = shown(estimate)
    level, n = language.stated_share(estimate.confidence_level), language.number(estimate.n)
    return {
        "name": capitalised(estimate.label),
        "value": value,
        "unit": unit,
        "bounds": bounds,
        "bar": _bar(estimate, scale, target, state),
        "note": _("{level} interval, n = {n}").format(level=level, n=n)
        if bounds
        else _("{reason}, n = {n}").format(reason=_(estimate.no_interval), n=n),
        "change": _change(estimate, previous),
        "state": state,
        "state_text": state_text,
    }


def shown(estimate: Estimate) -> tuple[str, str, str]:
    """Value, the unit set small beside it, and bounds: `("$767", "k", "[745, 789]")`.

    Long sums of money stand in thousands or millions, in Chinese in 万 or 亿, to the digits that the interval allows.
    """
    text, bounds = estimate.text(), estimate.bounds()
    if language.is_currency(estimate.unit) and (spoken() == "zh" or len(text) > 7):
        power, suffix, digits = language.scale(estimate.value, estimate.digits)
        if power:
            ends = [language.number(end / 10**power, digits) for end in (estimate.low, estimate.high) if bounds]
            value = language.number(abs(estimate.value) / 10**power, digits)
            symbol, sign = language.currency_symbol(estimate.unit), "−" if estimate.value < 0 else ""
            shown = (f"{sign}{value}", f" {suffix}{symbol}") if spoken() == "zh" else (f"{sign}{symbol}{value}", suffix)
            return *shown, "[{}, {}]".format(*ends) if ends else ""
    if text.endswith("%"):
        return text[:-1], "%", bounds
    value, space, unit = text.partition(" ")
    return value, "" if unit and unit.casefold() in estimate.label.casefold() else space + unit, bounds


def _bar(estimate: Estimate, scale, target: Target | None, state: str) -> dict | None:
    """Where estimate, interval and target stand on the scale, in per cent of its length."""
    if estimate.low is None:
        return None
    goal = None if target is None else target.value
    low, high = scale or _scale(estimate, goal)
    if not low < high:
        raise ValueError(f"`scales` of {estimate.label!r} must rise from left to right, got {low} to {high}")
    ends = [_end(end, estimate) for end in (low, high)]
    return {"ends": ends, "off": state == "bad"} | position(estimate, (low, high), goal)


def _end(end: float, estimate: Estimate) -> str:
    """An end of the scale, in the unit of the value above it."""
    if estimate.unit == "share":
        return language.quantity(end, "share", digits=0)
    if not language.is_currency(estimate.unit):
        return language.number(end, 0 if float(end).is_integer() else 1)
    power, suffix, _digits = language.scale(estimate.value, estimate.digits)
    if not suffix or suffix not in shown(estimate)[1]:
        return language.quantity(end, estimate.unit, digits=0)
    if spoken() == "zh":
        return f"{language.number(end / 10**power)} {suffix}{language.currency_symbol(estimate.unit)}"
    return language.quantity(end / 10**power, estimate.unit, digits=0) + (suffix if end else "")


def position(estimate: Estimate, scale: tuple[float, float], target: float | None = None) -> dict:
    """Where an estimate, its interval and a target stand on a scale, in per cent of its length, cut at its ends."""
    low, high = scale

    def place(value: float) -> str:
        return f"{min(100.0, max(0.0, 100 * (value - low) / (high - low))):.1f}%"

    found = {"v": place(estimate.value), "l": place(estimate.low), "h": place(estimate.high)}
    return found if target is None else found | {"t": place(target)}


def _scale(estimate: Estimate, target: float | None) -> tuple[float, float]:
    if estimate.unit == "points":
        return -100.0, 100.0
    furthest = max(abs(end) for end in (estimate.low, estimate.high, target or 0.0))
    negative = min(estimate.low, target or 0.0) < 0
    if estimate.unit == "share" and furthest <= 1 and not negative:
        return 0.0, 1.0
    step = 10.0 ** math.floor(math.log10(furthest)) if furthest > 1e-9 else 1.0
    top = max(1, math.ceil(furthest / step)) * step
    return (-top if negative else 0.0), top


def _state(estimate: Estimate, target: Target | None) -> tuple[str, str]:
    if target is None:
        return "idle", _("no target set")
    low, high = (estimate.value, estimate.value) if estimate.low is None else (estimate.low, estimate.high)
    digits = 0 if estimate.unit == "share" and round(100 * target.value, 6).is_integer() else None
    goal = language.quantity(target.value, estimate.unit, digits=digits)
    if target.at_most:
        if high <= target.value:
            return "good", _("within the limit of {goal}").format(goal=goal)
        if low > target.value:
            return "bad", _("above the limit of {goal}").format(goal=goal)
        return "warn", _("limit {goal}: cannot be told yet").format(goal=goal)
    if low >= target.value:
        return "good", _("reaches the target of {goal}").format(goal=goal)
    if high < target.value:
        return "bad", _("below the target of {goal}").format(goal=goal)
    return "warn", _("target {goal}: cannot be told yet").format(goal=goal)


def _change(estimate: Estimate, previous: Mapping | None) -> str:
    """What changed since the last run; nothing where it published no such figure, or one of another definition."""
    if previous is None or previous.get("value") is None:
        return ""
    if any(previous.get(key) != getattr(estimate, key) for key in ("unit", "label")):
        return ""
    change = estimate.value - previous["value"]
    if not change:
        return _("as in the last run")
    size = abs(change)
    if estimate.unit == "share":
        size = _("{number} percentage points").format(number=language.number(100 * size, 1))
    else:
        size = language.quantity(size, estimate.unit, digits=estimate.digits)
    arrow, sign = ("▲", "+") if change > 0 else ("▼", "−")
    return _("{arrow} {change} since the last run").format(arrow=arrow, change=f"{sign}{size}")
