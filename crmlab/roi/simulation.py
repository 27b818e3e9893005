"""What the programme may return: present value, internal rate and payback, simulated over all that is not known.

Drawn are the measured effect, from its estimate and standard error (or from draws of it), and whatever the analyst
states a range for. Costs that were paid are facts and are not drawn. The interval of a figure holds it with the stated
chance if the effect's interval does and the ranges are right; what nobody stated a range for counts as certain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, sentences
from crmlab.roi.cash_flows import Programme
from crmlab.roi.ranges import Range, draw_together, read_ranges
from crmlab.roi.returns import DAYS_PER_MONTH, Returns, returns
from crmlab.roi.terms import EFFECT, PERSISTENCE, RATE, Lines, lines_of, standard_error

NOTHING_DRAWN = N_("nothing uncertain was measured or stated")
SAME = N_("the same in nearly every simulated future")
NO_RATE_IN_SOME = N_("without a single internal rate in too many of the draws")
NOT_PAID_BACK = N_("not paid back by the last flow in too many of the draws")
# draws behind the internal rate, the payback and the curve, which take each draw's flows
_FEW = 2000
_RATES = np.log1p(np.concatenate([np.linspace(-0.99, 1, 400), np.geomspace(1.01, 1000, 200)]))


@dataclass(frozen=True, eq=False)
class Simulation:
    """A programme's return with its uncertainty.

    Attributes
    ----------
    expected
        If all comes as planned and the effect is as estimated.
    npv, roi, irr, payback, benefits_pv, costs_pv
        Estimates as of `returns.Returns`; `roi`, `irr` and `payback` (months) are None where there is none.
    probability, draws
        That the net present value is above zero, 0 to 1; its interval is that of the simulation alone. None if nothing
        is drawn. And the draws of the net present value.
    tornado
        One row per uncertain term, the widest first: `parameter`, `from_term` and `to_term` (the ends of its interval),
        `from_value` and `to_value` of the net present value there, the rest as planned, and `width` between them.
    curve
        `date`, `value` (cumulative present value), `low`, `high`, `cumulative` (without interest), `status`.
    """

    labels: ClassVar[dict[str, str]] = {
        "measure": N_("Measure"), "value": N_("Expected"), "interval": N_("Interval"),
    }  # fmt: skip

    expected: Returns
    npv: Estimate
    roi: Estimate | None
    irr: Estimate | None
    payback: Estimate | None
    benefits_pv: Estimate
    costs_pv: Estimate
    probability: Estimate | None
    draws: np.ndarray
    tornado: pd.DataFrame
    curve: pd.DataFrame

    @property
    def programme(self) -> Programme:
        """What was simulated."""
        return self.expected.programme

    def metrics(self) -> dict[str, Estimate]:
        """By the names under which a run publishes them; those that there are."""
        found = {"roi": self.roi, "npv": self.npv, "irr": self.irr, "payback_months": self.payback}
        found |= {"benefits_pv": self.benefits_pv, "costs_pv": self.costs_pv}
        return {name: estimate for name, estimate in found.items() if estimate is not None}

    def key_figures(self) -> dict[str, Estimate]:
        """Those of the metrics that a reader takes away."""
        found = self.metrics()
        return {name: found[name] for name in ("roi", "npv", "payback_months") if name in found}

    def table(self) -> pd.DataFrame:
        """One row per measure: as expected, and the interval."""
        shown = [self.benefits_pv, self.costs_pv, self.npv, self.roi, self.irr, self.payback, self.probability]
        rows = [(each.label[:1].upper() + each.label[1:], each.text(), _ends(each)) for each in shown if each]
        return pd.DataFrame(rows, columns=["measure", "value", "interval"])

    def summary(self) -> str:
        """Whether the programme pays: net present value and return with intervals, and the chance of paying."""
        message = _(
            "The programme may or may not pay: net present value {npv} {evidence}, discounted at {rate} a year."
        )
        low, high = (self.npv.value,) * 2 if self.npv.low is None else (self.npv.low, self.npv.high)
        if low > 0:
            message = _("The programme pays: net present value {npv} {evidence}, discounted at {rate} a year.")
        elif high < 0:
            message = _("The programme does not pay: net present value {npv} {evidence}, discounted at {rate} a year.")
        rate = language.quantity(self.programme.annual_discount_rate, "share")
        told = message.format(npv=self.npv.text(), evidence=self.npv.evidence(), rate=rate)
        claims = _("This rests on the client's claims, for no effect was measured.")
        return sentences(told, claims if self.programme.effect is None else "", self._chance(), self._per_cost())

    def _chance(self) -> str:
        if self.probability is None:
            return _("No uncertainty is in this figure: {reason}.").format(reason=_(NOTHING_DRAWN))
        n, above = language.number(self.probability.n), round(self.probability.value * self.probability.n)
        if above == 0:
            return _("It is above zero in none of {n} simulated futures.").format(n=n)
        if above > 0.999 * self.probability.n:
            short = language.number(self.probability.n - above)
            all_but = _("It is above zero in all but {few} of {n} simulated futures.").format(few=short, n=n)
            return _("It is above zero in all of {n} simulated futures.").format(n=n) if short == "0" else all_but
        error = language.number(50 * (self.probability.high - self.probability.low), 2)
        return _(
            "It is above zero in {share} of {n} simulated futures, give or take {error} percentage points for the "
            "simulation."
        ).format(share=self.probability.text(), n=n, error=error)

    def _per_cost(self) -> str:
        if self.roi is None:
            return _("There is no return on investment: there are no costs.")
        return _("The return on investment is {roi} {evidence}.").format(
            roi=self.roi.text(), evidence=self.roi.evidence()
        )


def simulate(
    programme: Programme,
    *,
    ranges: Mapping[str, Mapping] | None = None,
    correlations: Sequence = (),
    effect_draws=None,
    draws: int = 100_000,
    seed: int = 0,
    confidence_level: float = 0.95,
) -> Simulation:
    """Draw the effect and the stated ranges, and tell what the `programme` of `cash_flows` returns.

    Parameters
    ----------
    ranges
        By term (see `crmlab.roi.terms`): `{low, mode, high, shape}`, see `crmlab.roi.ranges`. `low` and `high` of a
        category are factors: 0.9 and 1.3 for costs from a tenth less to three tenths more than planned.
    correlations
        `[[licence, staff, 0.5], ...]`: rank correlations; the effect, named `effect`, may be among them. Ranges and
        correlations of what the client's table holds and the programme does not are passed over.
    effect_draws
        Of the effect per customer-month, where its uncertainty is no normal distribution; at least 100.
    draws, seed, confidence_level
        How many futures, 100 or more, and by which seed, which gives the same again; and the level of the intervals.

    Raises
    ------
    ValueError
        If `draws` is below 100, a range is out of bounds or names no term, or correlations contradict one another.
    """
    intervals.z_score(confidence_level)
    if draws != int(draws) or draws < 100:
        raise ValueError(f"`draws` must be a whole number of at least 100, got {draws}")
    lines, expected = lines_of(programme), returns(programme)
    uncertain = _uncertain(lines, ranges or {}, effect_draws)
    passed_over = {*(ranges or {}), EFFECT} - set(uncertain)
    correlations = [each for each in correlations if not isinstance(each, list) or not passed_over & set(each[:2])]
    rng = np.random.default_rng(seed)
    drawn = draw_together(uncertain, correlations=correlations, draws=int(draws), rng=rng)
    unit, n = programme.unit, len(programme.counted()) if programme.effect is None else programme.effect.n
    tails = np.array([1 - confidence_level, 1 + confidence_level]) / 2
    own_benefits, own_costs = expected.benefits_pv, expected.costs_pv

    def estimate(value: float, outcomes, of: str, label: str, nothing: str = NOTHING_DRAWN) -> Estimate:
        shown: dict[str, Any] = {"label": label, "confidence_level": confidence_level}
        # a value that is not there in too many draws is infinite in them
        low, high = np.quantile(outcomes, tails, method="inverted_cdf") if drawn else (np.nan, np.nan)
        if not (np.isfinite(low) and np.isfinite(high) and high > low):
            reason = NOTHING_DRAWN if not drawn else SAME if high == low else nothing
            return Estimate(value, None, None, of, n, no_interval=reason, **shown)
        return Estimate(value, min(float(low), value), max(float(high), value), of, n, **shown)

    benefits, costs = lines.present_values(drawn)
    npv = np.broadcast_to(benefits - costs, (int(draws),))
    few = {name: values[:_FEW] for name, values in drawn.items()}
    flows = lines.net_flows(few)
    with np.errstate(divide="ignore", invalid="ignore"):
        returned = np.where(costs > 0, (benefits - costs) / costs, np.inf)
    found: dict[str, Estimate | None] = {"roi": None, "irr": None, "payback": None}
    if expected.roi is not None:
        found["roi"] = estimate(expected.roi, returned, "share", _("return on investment"))
    if expected.irr is not None:
        label = _("internal rate of return, a year")
        found["irr"] = estimate(expected.irr, _internal_rates(flows, lines.years), "share", label, NO_RATE_IN_SOME)
    if expected.payback is not None:
        label = _("months until the costs are paid back")
        outcomes = _paybacks(flows, lines.years)
        found["payback"] = estimate(expected.payback, outcomes, "months", label, NOT_PAID_BACK)
    return Simulation(
        expected,
        estimate(expected.npv, npv, unit, _("net present value")),
        benefits_pv=estimate(own_benefits, benefits, unit, _("present value of benefits")),
        costs_pv=estimate(own_costs, np.broadcast_to(costs, npv.shape), unit, _("present value of costs")),
        probability=_probability(npv, confidence_level) if drawn else None,
        draws=npv if drawn else npv[:0],
        tornado=_tornado(lines, uncertain, tails),
        curve=_curve(expected, lines, few, flows, tails),
        **found,
    )


def _uncertain(lines: Lines, ranges: Mapping, effect_draws) -> dict:
    """Quantile functions of all that is drawn, by term; the effect first."""
    from scipy import special

    effect = lines.programme.effect
    if EFFECT in ranges:
        raise ValueError("`ranges` must not name the effect: how uncertain it is, its estimate says")
    if effect is None and effect_draws is not None:
        raise ValueError("`effect_draws` need an effect in the programme")
    found = {}
    if effect_draws is not None:
        sample = np.sort(np.asarray(effect_draws, dtype=float).ravel())
        if len(sample) < 100 or not np.isfinite(sample).all():
            raise ValueError("`effect_draws` must be at least 100 finite numbers")
        found[EFFECT] = lambda levels: np.quantile(sample, levels)
    elif effect is not None and (error := standard_error(effect)) > 0:
        found[EFFECT] = lambda levels: effect.value + error * special.ndtri(levels)
    stated = read_ranges(lines.checked(ranges), likely={name: lines.own(name) for name in lines.known})
    for name, each in stated.items():
        _check_bounds(name, each)
        if each.low < each.high:
            found[name] = each.quantile
    return found


def _ends(estimate: Estimate) -> str:
    """The interval with its unit: the table's column holds several."""
    if estimate.low is None:
        return ""
    unit, digits = ("", 1) if estimate.unit == "months" else (estimate.unit, estimate.digits)
    return language.span(estimate.low, estimate.high, unit, digits=digits)


def _check_bounds(name: str, stated: Range) -> None:
    least, most = {PERSISTENCE: (0.0, 1.0), RATE: (-0.99, np.inf)}.get(name, (0.0, np.inf))
    if stated.low < least or stated.high > most:
        bounds = f"from {least:g} to {most:g}" if np.isfinite(most) else f"of at least {least:g}"
        raise ValueError(f"`ranges` of {name} must be {bounds}, got {stated.low:g} to {stated.high:g}")


def _probability(npv: np.ndarray, confidence_level: float) -> Estimate:
    label = _("chance that the net present value is above zero")
    return intervals.wilson(int((npv > 0).sum()), len(npv), label=label, confidence_level=confidence_level)


def _tornado(lines: Lines, uncertain: Mapping, tails: np.ndarray) -> pd.DataFrame:
    rows = []
    for name, quantile in uncertain.items():
        ends = np.asarray(quantile(tails), dtype=float)
        benefits, costs = lines.present_values({name: ends})
        worth = np.broadcast_to(benefits - costs, 2)
        rows.append((name, *ends, *worth, abs(worth[1] - worth[0])))
    frame = pd.DataFrame(rows, columns=["parameter", "from_term", "to_term", "from_value", "to_value", "width"])
    return frame[frame["width"] > 0].sort_values("width", ascending=False, kind="stable", ignore_index=True)


def _internal_rates(flows: np.ndarray, years: np.ndarray) -> np.ndarray:
    """The one internal rate of each draw; below all where it has none, or several."""
    values = flows @ np.exp(-np.outer(years, _RATES))
    crossings = (values[:, :-1] > 0) & (values[:, 1:] <= 0)
    single = (np.diff(np.sign(values), axis=1) != 0).sum(axis=1) == 1
    single &= crossings.any(axis=1)
    place = crossings.argmax(axis=1)
    low, high = _RATES[place], _RATES[place + 1]
    every = np.arange(len(flows))
    root = low + (high - low) * values[every, place] / (values[every, place] - values[every, place + 1] + 1e-300)
    for _step in range(6):  # Newton's, held between the two rates
        terms = flows * np.exp(-np.outer(root, years))
        slope = -(terms @ years)
        step = np.divide(terms.sum(axis=1), slope, out=np.zeros_like(slope), where=slope != 0)
        root = np.clip(root - step, low, high)
    return np.where(single, np.expm1(root), -np.inf)


def _paybacks(flows: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Months from the first flow until the sum stays at zero or above; infinite where it does not."""
    below = np.cumsum(flows, axis=1) < -1e-9 * np.abs(flows).max(initial=0.0)
    last = np.where(below.any(axis=1), below.shape[1] - 1 - below[:, ::-1].argmax(axis=1), -1)
    months = np.append((years - years[0]) * 365 / DAYS_PER_MONTH, np.inf)
    return months[last + 1]


def _curve(expected: Returns, lines: Lines, few: Mapping, flows: np.ndarray, tails: np.ndarray) -> pd.DataFrame:
    curve = expected.curve.rename(columns={"discounted": "value"})
    rate = np.asarray(few.get(RATE, lines.own(RATE)), dtype=float)
    present = np.cumsum(flows * np.exp(-np.log1p(rate)[..., None] * lines.years), axis=1)
    low, high = np.quantile(present, tails, axis=0)
    value = curve["value"].to_numpy()
    curve = curve.assign(low=np.minimum(low, value), high=np.maximum(high, value))
    return curve[["date", "value", "low", "high", "cumulative", "status"]]
