"""What a client is held to: defaults and presets, over the periods that metrics are told over, and its own targets."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crmlab import language
from crmlab.diagnosis.indicators import DEFAULTS, PRESETS, Indicator, nearest
from crmlab.intervals import Target
from crmlab.messages import N_, _

# metrics told over a period: the notebook's parameter that sets it
_PERIODS = {
    "retention_rate": ("churn_modelling", "period_months"),
    "repurchase_rate": ("churn_modelling", "inactivity_months"),
    "revenue_growth": ("value_analysis", "period_months"),
    "expected_credit_loss_rate": ("value_analysis", "horizon_months"),
}
# what is left of the customers or the money after a period, a + b x of a value x, compounds: (a, b). That somebody
# buys again does not: over a longer period it happens more often
_LEFT = {"retention_rate": (0, 1), "revenue_growth": (1, 1), "expected_credit_loss_rate": (1, -1)}
_OTHER_PERIOD = N_("told over another period than its target, and the client gives none for it")


def indicators(
    presets: Sequence[str] = (),
    changes: Mapping[str, Mapping[str, float]] | None = None,
    targets: Mapping[str, Target] | None = None,
    *,
    periods: Mapping[str, int] | None = None,
) -> tuple[Indicator, ...]:
    """The indicators that a client is judged by.

    Parameters
    ----------
    presets
        Of `PRESETS`, such as one of the trade and one of the region; a later one goes before an earlier one.
    changes
        By indicator, any of `floor`, `target` and `weight`, for the metric as the client's notebooks tell it.
    targets
        The client's own, by metric; those of other metrics are passed over. Where one passes the floor, the floor moves
        by as much as the target did. An indicator without ends gets half its target as floor, or twice it where lower
        is better.
    periods
        Months that metrics are told over, as `told_over` finds them. Defaults and presets are stated over a year, and
        compounded where a metric is told over another period: 85% retention a year are 98.7% a month. The share of who
        buys again does not compound; over another period it is shown, and scored where `changes` or `targets` say how.

    Raises
    ------
    ValueError
        If a name is unknown, with the nearest known one; if a target or an end contradicts the indicator's direction.
    """
    periods = periods or {}
    known = {each.name: each for each in DEFAULTS}
    for preset in [presets] if isinstance(presets, str) else presets:
        if preset not in PRESETS:
            raise ValueError(f"{preset} is not a preset{nearest(preset, PRESETS)}")
        for name, fields in PRESETS[preset].items():
            known[name] = _changed(known[name], fields)
    known = {name: _over(each, periods.get(name, 12)) for name, each in known.items()}
    # one of the two: without contracts, retention is told by who buys again
    by_purchases = "repurchase_rate" in periods and "retention_rate" not in periods
    for name in ("retention_rate", "churn_rate") if by_purchases else ("repurchase_rate",):
        del known[name]
    for name, fields in (changes or {}).items():
        if name not in {each.name for each in DEFAULTS}:
            raise ValueError(f"{name} is not an indicator{nearest(name, [each.name for each in DEFAULTS])}")
        if name in known:
            known[name] = _changed(known[name], fields)
    for name, target in (targets or {}).items():
        if name in known and "target" not in (changes or {}).get(name, {}):
            known[name] = _aimed(known[name], target)
    return tuple(known.values())


def told_over(*records: Mapping | None) -> dict[str, int]:
    """Months that metrics are told over, from the records of the notebooks that publish them: `client.results`.

    The retention rate is named only where contracts tell it: without them, the record gives who bought again as either.

    Parameters
    ----------
    records
        As `client.results` gives them; None where there is none.
    """
    found = {}
    for record in filter(None, records):
        metrics = record["metrics"]
        named = {
            name: int(record["parameters"][parameter])
            for name, (notebook, parameter) in _PERIODS.items()
            if notebook == record["notebook"] and name in metrics
        }
        if {"retention_rate", "repurchase_rate"} <= set(named) and _same(metrics):
            del named["retention_rate"]
        found |= named
    return found


def _same(metrics: Mapping[str, Mapping]) -> bool:
    return metrics["retention_rate"]["label"] == metrics["repurchase_rate"]["label"]


def _over(indicator: Indicator, months: int) -> Indicator:
    """Ends stated over a year, over so many months."""
    if months == 12 or indicator.name not in _PERIODS:
        return indicator
    # the short name speaks of a year unless it says otherwise
    label = _("{indicator}, {months}").format(indicator=_(indicator.label), months=language.quantity(months, "months"))
    indicator = replace(indicator, label=label)
    if indicator.name not in _LEFT:
        return replace(indicator, floor=None, target=None, unjudged=_OTHER_PERIOD)
    a, b = _LEFT[indicator.name]
    floor, target = (((a + b * end) ** (months / 12) - a) / b for end in (indicator.floor, indicator.target))
    return replace(indicator, floor=floor, target=target)


def _changed(indicator: Indicator, fields: Mapping[str, float]) -> Indicator:
    allowed = ("floor", "target", "weight")
    if not isinstance(fields, Mapping):
        raise ValueError(f"{indicator.name} must hold {', '.join(allowed)}, got {fields!r}")
    for field, value in fields.items():
        if field not in allowed:
            raise ValueError(f"{indicator.name} has no `{field}`{nearest(field, allowed)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
            raise ValueError(f"{indicator.name}: `{field}` must be a number, got {value!r}")
    numbers: dict[str, Any] = {field: float(value) for field, value in fields.items()}
    changed = replace(indicator, **numbers)
    if changed.weight < 0:
        raise ValueError(f"{indicator.name}: `weight` must be at least 0, got {changed.weight:g}")
    if (changed.floor is None) != (changed.target is None):
        raise ValueError(f"{indicator.name}: `floor` and `target` are given together, it has neither by default")
    if changed.floor is not None:
        if changed.floor == changed.target:
            raise ValueError(f"{indicator.name}: `floor` and `target` must differ, both are {changed.floor:g}")
        if changed.lower_is_better != indicator.lower_is_better:
            side = "above" if indicator.lower_is_better else "below"
            raise ValueError(
                f"{indicator.name}: `floor` must lie {side} `target`, got {changed.floor:g} and {changed.target:g}"
            )
        changed = replace(changed, unjudged="")
    return changed


def _aimed(indicator: Indicator, target: Target) -> Indicator:
    """With the client's own target in place of the default one."""
    if target.at_most != indicator.lower_is_better:
        better, form = ("lower", "at most ") if indicator.lower_is_better else ("higher", "")
        raise ValueError(
            f"targets: {indicator.name} is better the {better} it is; give {form}{target.value:g} in its place"
        )
    goal, floor = target.value, indicator.floor
    if indicator.target is None:
        if goal <= 0:
            raise ValueError(f"targets: {indicator.name} must be above 0, got {goal:g}")
        floor = goal * 2 if target.at_most else goal / 2
    elif (goal >= floor) if target.at_most else (goal <= floor):
        floor += goal - indicator.target
    return replace(indicator, floor=floor, target=goal, unjudged="")
