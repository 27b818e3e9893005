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

if TYPE_CHECKING:
    from crmlab.intervals import Estimate

MIME = "application/vnd.crmlab+json"
_POWERS = {"m": 6, "k": 3}


@dataclass(frozen=True, eq=False)
class Block:
    """Something to show: `content` for the report, `html` and `text` for JupyterLab."""

    content: dict
    html: str
    text: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/plain": self.text, "text/html": self.html, MIME: self.content}


@dataclass(frozen=True)
class Missing:
    """A key figure that could not be estimated, and why."""

    label: str
    reason: str


def missing(label: str, reason: str) -> Missing:
    """A key figure that could not be estimated: "Not estimated: the client supplies no acquisition_spend table."."""
    return Missing(label, reason)


def bottom_line(headline: str, *sentences: str) -> Block:
    """The verdict as a headline, then one or two sentences: why, and what to do."""
    rest = " ".join(str(sentence) for sentence in sentences)
    html = f"<p><strong>{escape(str(headline))}</strong> {escape(rest)}</p>"
    content = {"type": "bottom_line", "headline": str(headline), "text": rest}
    return Block(content, html, f"{headline} {rest}".strip())


def answer(*sentences: str) -> Block:
    """The paragraph under a section's question: its answer, with estimate, interval and n."""
    text = " ".join(str(sentence) for sentence in sentences)
    return Block({"type": "answer", "text": text}, f"<p>{escape(text)}</p>", text)


def caution(title: str, text: str) -> Block:
    """What the reader must not conclude."""
    return _note("caution", title, text)


def skipped(title: str, text: str) -> Block:
    """What was left out for want of data, and how to include it."""
    return _note("skipped", title, text)


def _note(kind: str, title: str, text: str) -> Block:
    html = f"<p><strong>{escape(str(title))}</strong> {escape(str(text))}</p>"
    return Block({"type": kind, "title": str(title), "text": str(text)}, html, f"{title} {text}")


def key_figures(
    *estimates: Estimate | Missing,
    scales: Mapping[str, tuple[float, float]] | None = None,
    targets: Mapping[str, float | tuple[str, float]] | None = None,
    previous: Mapping[str, float] | None = None,
) -> Block:
    """The three to five figures a reader takes away, each with its interval, or why it has none.

    Parameters
    ----------
    estimates
        Each with a label; `missing(label, reason)` for one that could not be made.
    scales
        Ends of the bar by label; 0 to 100% for shares, -100 to 100 for points, else from 0 to a round number.
    targets
        By label: the least that is wanted (`0.5`), or `("at least", 0.5)`, or `("at most", 0.7)`. Held against the
        whole interval: one that contains the target cannot tell.
    previous
        Values of the last run, by label.
    """
    scales, targets, previous = scales or {}, targets or {}, previous or {}
    labels = [estimate.label for estimate in estimates]
    for name, given in {"scales": scales, "targets": targets, "previous": previous}.items():
        unknown = sorted(set(given) - set(labels))
        if unknown:
            raise ValueError(f"`{name}` names {unknown[0]!r}, which is no key figure; known: {', '.join(labels)}")
    cards = [
        {"name": capitalised(estimate.label), "none": capitalised(estimate.reason)}
        if isinstance(estimate, Missing)
        else _card(estimate, scales.get(estimate.label), targets.get(estimate.label), previous.get(estimate.label))
        for estimate in estimates
    ]
    lines = [f"{card['name']}: {card.get('none') or _line(card)}" for card in cards]
    html = "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
    return Block({"type": "key_figures", "cards": cards}, html, "\n".join(lines))


def capitalised(text: str) -> str:
    """With a capital first letter; the rest as it is."""
    return text[:1].upper() + text[1:]


def _line(card: dict) -> str:
    return f"{card['value']}{card['unit']} {card['bounds']} ({card['note']}; {card['change']}; {card['state_text']})"


def _card(estimate: Estimate, scale, target, previous) -> dict:
    state, state_text = _state(estimate, target)
    value, unit, bounds = shown(estimate)
    level = language.quantity(estimate.confidence_level, "share", digits=0)
    n = language.number(estimate.n)
    return {
        "name": capitalised(estimate.label),
        "value": value,
        "unit": unit,
        "bounds": bounds,
        "bar": _bar(estimate, scale, target, state),
        "note": f"{level} interval, n = {n}" if bounds else f"{estimate.no_interval}, n = {n}",
        "change": _change(estimate, previous),
        "state": state,
        "state_text": state_text,
    }


def shown(estimate: Estimate) -> tuple[str, str, str]:
    """Value, the unit set small beside it, and bounds: `("$767", "k", "[745, 789]")`.

    Long sums of money stand in thousands or millions, to the digits that the interval allows.
    """
    text, bounds = estimate.text(), estimate.bounds()
    if language.is_currency(estimate.unit) and len(text) > 7:
        for suffix, power in _POWERS.items():
            digits = max(0, power + estimate.digits) if estimate.digits is not None else 1
            if abs(estimate.value) >= 10**power and digits <= 2:
                symbol = language.currency_symbol(estimate.unit)
                sign = "−" if estimate.value < 0 else ""
                value = f"{sign}{symbol}{language.number(abs(estimate.value) / 10**power, digits)}"
                if not bounds:
                    return value, suffix, ""
                ends = (language.number(end / 10**power, digits) for end in (estimate.low, estimate.high))
                return value, suffix, "[{}, {}]".format(*ends)
    if text.endswith("%"):
        return text[:-1], "%", bounds
    value, space, unit = text.partition(" ")
    return value, "" if unit.casefold() in estimate.label.casefold() else space + unit, bounds


def _bar(estimate: Estimate, scale, target, state: str) -> dict | None:
    """Where estimate, interval and target stand on the scale, in per cent of its length."""
    if estimate.low is None:
        return None
    goal = target[1] if isinstance(target, tuple) else target
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
    suffix = shown(estimate)[1]
    text = language.quantity(end / 10 ** _POWERS.get(suffix, 0), estimate.unit, digits=0)
    return text + suffix if end else text


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


def _state(estimate: Estimate, target) -> tuple[str, str]:
    if target is None:
        return "idle", "no target set"
    direction, goal = target if isinstance(target, tuple) else ("at least", target)
    if direction not in ("at least", "at most"):
        raise ValueError(f"`targets` go by 'at least' or 'at most', got {direction!r} for {estimate.label!r}")
    low, high = (estimate.value, estimate.value) if estimate.low is None else (estimate.low, estimate.high)
    shown = language.quantity(goal, estimate.unit, digits=0 if estimate.unit == "share" else None)
    if direction == "at most":
        if high <= goal:
            return "good", f"within the limit of {shown}"
        return ("bad", f"above the limit of {shown}") if low > goal else ("warn", f"limit {shown}: cannot be told yet")
    if low >= goal:
        return "good", f"reaches the target of {shown}"
    return ("bad", f"below the target of {shown}") if high < goal else ("warn", f"target {shown}: cannot be told yet")


def _change(estimate: Estimate, previous: float | None) -> str:
    if previous is None:
        return ""
    change = estimate.value - previous
    arrow = "▲ +" if change > 0 else "▼ −" if change < 0 else ""
    if not arrow:
        return "as in the last run"
    if estimate.unit == "share":
        return f"{arrow}{language.number(abs(100 * change), 1)} points"
    return f"{arrow}{language.quantity(abs(change), estimate.unit, digits=estimate.digits)}"
