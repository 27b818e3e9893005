"""The score: indicators against floor and target, weighed by part; what is missing lowers coverage, not the score."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from crmlab.absence import Absent, FitError
from crmlab.diagnosis import weighing
from crmlab.diagnosis.indicators import PARTS, Indicator
from crmlab.diagnosis.verdict import Diagnosis, rating_of
from crmlab.intervals import Estimate
from crmlab.messages import N_, _

_KNOWN = N_("the same all over its indicators’ intervals")


def diagnose(
    found: Mapping[str, Estimate | Absent],
    indicators: Sequence[Indicator],
    *,
    bands: Mapping[str, float] | None = None,
    part_weights: Mapping[str, float] | None = None,
    before: Mapping[str, Mapping] | None = None,
    reasons: Mapping[str, str] | None = None,
    confidence_level: float = 0.95,
    draws: int = 4000,
    seed: int = 0,
) -> Diagnosis:
    r"""Score a client.

    .. math:: S = \frac{\sum_p W_p S_p}{\sum_p W_p}, \quad S_p = \frac{\sum_{i \in p} w_i s_i}{\sum_{i \in p} w_i}

    over the parts `p` of which anything is known, and the indicators `i` that were found.

    Parameters
    ----------
    found
        Metrics by name, of all notebooks together; one that is absent says why.
    indicators
        As `targets.indicators` gives them.
    bands
        By letter, best first, the least score that earns it, the last 0; None for A 80, B 65, C 50, D 35, E 0.
    part_weights
        By part, where it is not that of `PARTS`.
    before
        What was published at the date before, by name: `client.previous`. A metric of another unit or label is passed
        over.
    reasons
        Why metrics are not found, by metric or by notebook.
    draws
        Of the indicators within their intervals, and of other weights. Indicators are taken to be independent; those
        from the same answers or payments move together, which would widen the interval.

    Raises
    ------
    FitError
        If no indicator that is scored was found.
    ValueError
        If `bands` do not fall from at most 100 to 0, or `part_weights` names no part, is below 0, or is 0 for all.
    """
    bands = weighing.checked_bands(bands or weighing.RATINGS)
    weights = weighing.checked_part_weights(part_weights or {})
    wanted = [each for each in indicators if each.is_scored or each.unjudged]
    known = {name: each for name, each in found.items() if isinstance(each, Estimate)}
    there = [each for each in indicators if each.name in known]
    scored = [each for each in there if each.is_scored]
    if not scored:
        raise FitError(_("no indicator that is scored could be computed"))
    level = {"confidence_level": confidence_level}
    share = dict(zip((each.name for each in scored), weighing.shares(scored, weights), strict=True))
    drawn = weighing.drawn_scores(scored, known, draws, seed)
    scores = np.array([float(each.score(known[each.name].value)) for each in scored])
    overall = _weighed(scored, list(share.values()), scores, drawn, _("overall score"), **level)
    totals = drawn @ np.array(list(share.values()))
    others = weighing.under_other_weights(scored, scores, weights, draws, seed + 1)
    of_all = dict(zip((each.name for each in wanted), weighing.shares(wanted, weights), strict=True))
    coverage = float(sum(of_all[name] for name in share))
    return Diagnosis(
        pd.DataFrame([_line(each, known[each.name], share.get(each.name, 0.0), before or {}) for each in there]),
        _missing(wanted, found, of_all, reasons or {}),
        _parts(wanted, scored, scores, drawn, level),
        overall,
        coverage,
        rating_of(overall.value, bands, coverage),
        bands,
        _frequencies(weighing.letters(totals, bands), bands),
        _frequencies(weighing.letters(others, bands), bands),
    )


def _weighed(scored, weights, scores: np.ndarray, drawn: np.ndarray, label: str, *, confidence_level) -> Estimate:
    """A weighted mean of scores, with the wider side of the drawn ones' interval on both.

    A score is cut off at its target: near it, estimates and draws fall short of the truth and never beyond it, so that
    the drawn interval alone would lie too low; near the floor, too high.
    """
    share = np.array(weights) / np.sum(weights)
    tail = (1 - confidence_level) / 2
    # rounding must not lead beyond 100
    value, low, high = np.clip([scores @ share, *np.quantile(drawn @ share, [tail, 1 - tail])], 0.0, 100.0).tolist()
    half = max(value - low, high - value)
    shown = {"unit": "points", "n": len(scored), "label": label, "confidence_level": confidence_level}
    if half < 1e-9:
        return Estimate(value, None, None, **shown, no_interval=_KNOWN)
    return Estimate(value, max(0.0, value - half), min(100.0, value + half), **shown)


def _line(indicator: Indicator, value: Estimate, weight: float, before: Mapping[str, Mapping]) -> dict:
    score, change = None, np.nan
    if indicator.is_scored:
        score = _scored(indicator, value)
        old = before.get(indicator.name) or {}
        same = all(old.get(key) == getattr(value, key) for key in ("unit", "label"))
        if same and old.get("value") is not None:
            change = score.value - float(indicator.score(old["value"]))
    own = {name: getattr(indicator, name) for name in ("name", "label", "part", "source")}
    ends = {"floor": indicator.floor, "target": indicator.target}
    return own | {"value": value} | ends | {"weight": weight, "score": score, "change": change}


def _scored(indicator: Indicator, value: Estimate) -> Estimate:
    """An indicator's score, with the ends of its own interval scored alike."""
    middle = float(indicator.score(value.value))
    label, level = _(indicator.label), value.confidence_level
    if value.low is None:
        return Estimate(middle, None, None, "points", value.n, label, level, value.no_interval)
    low, high = sorted(float(indicator.score(end)) for end in (value.low, value.high))
    return Estimate(middle, low, high, "points", value.n, label, level)


def _parts(wanted, scored, scores: np.ndarray, drawn: np.ndarray, level: dict) -> pd.DataFrame:
    rows = []
    for part, (label, _weight) in PARTS.items():
        own = [place for place, each in enumerate(scored) if each.part == part]
        weights = [scored[place].weight for place in own]
        whole = sum(each.weight for each in wanted if each.part == part)
        score = _weighed(own, weights, scores[own], drawn[:, own], _(label), **level) if own else None
        rows.append({"part": part, "score": score, "coverage": sum(weights) / whole if own else 0.0})
    return pd.DataFrame(rows)


def _missing(wanted, found, shares: Mapping[str, float], reasons: Mapping[str, str]) -> pd.DataFrame:
    rows = []
    for each in wanted:
        value = found.get(each.name)
        if not isinstance(value, Estimate) or each.unjudged:
            given = reasons.get(each.name) or reasons.get(each.source) or _("no report gives it")
            reason = value.reason if isinstance(value, Absent) else _(each.unjudged) if value else given
            rows.append((each.name, each.label, each.part, shares[each.name], reason))
    return pd.DataFrame(rows, columns=["name", "label", "part", "weight", "reason"])


def _frequencies(letters: np.ndarray, bands: Mapping[str, float]) -> dict[str, float]:
    return {letter: float((letters == letter).mean()) for letter in bands}
