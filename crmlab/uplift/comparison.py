r"""Customers whom the programme reached against those whom it had not reached yet, wave by wave and month by month.

For the customers of one wave :math:`g` and one band of months in which they were won, the effect in month :math:`t` is

.. math:: ATT(g, t) = (\bar y_{g,t} - \theta\, \bar b_g) - (\bar y_{C,t} - \theta\, \bar b_C)

where :math:`C` are customers of the same band whom the programme had not reached by :math:`t`, and :math:`b` is a
customer's mean over the last months before the wave. Of :math:`\theta`, 0 compares means, 1 differences, and the slope
of what came on what was before is CUPED, which is right where chance assigned the customers. Waves that were reached
earlier never serve as a comparison, which is what biases two-way fixed effects.

Effects are put together with the number of treated customers as weights: the sum over months is what the programme
caused, and its mean the effect per treated customer-month.

References
----------
Callaway and Sant'Anna (2021), Difference-in-differences with multiple time periods, Journal of Econometrics 225,
200-230.
Roth and Sant'Anna (2023), Efficient estimation for staggered rollout designs, Journal of Political Economy
Microeconomics 1, 669-709.
Deng, Xu, Kohavi and Walker (2013), Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data, WSDM, 123-132.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from crmlab.uplift.cells import Cells

# customers of one band below which their own slope is too uncertain
_ENOUGH = 30
METHODS = ("difference", "cuped", "difference_in_differences")


@dataclass(frozen=True, eq=False)
class Contrasts:
    """Weights of cells' months, by name, and how many treated customer-months stand behind each.

    Attributes
    ----------
    weights, months
        `total` sums the effects, `wave 42` those of the wave of month 42; `level` what treated customers brought in the
        same months; `event -3` sums the differences three months before the start, `event 0` those of its first month;
        `before 42` compares, of the wave of month 42, the months before.
    treated
        Customers reached that are compared.
    controls
        Customers never reached that they are compared with; those not reached yet come on top.
    n
        All customers compared, each counted once.
    last
        The last month for which there is somebody to compare with.
    """

    cells: Cells
    weights: dict[str, np.ndarray]
    months: dict[str, int]
    treated: int
    controls: int
    n: int
    last: int

    def values(self, names) -> np.ndarray:
        """Contrasts of these names: sums over treated customer-months (not means), in the outcome's currency."""
        return np.array([(self.weights[name] * self.cells.mean).sum() for name in names])

    def covariance(self, names) -> np.ndarray:
        """Covariance of `values`, clustered by customer."""
        found = np.zeros((len(names), len(names)))
        stacked = np.array([self.weights[name] for name in names])
        for cell, n in enumerate(self.cells.n):
            own = stacked[:, cell, :]
            if own.any():
                found += own @ self.cells.covariance[cell] @ own.T / n
        return found

    def degrees_of_freedom(self, name: str) -> float:
        """Satterthwaite's, of the variance of one contrast."""
        parts = []
        for cell, n in enumerate(self.cells.n):
            own = self.weights[name][cell]
            if own.any():
                parts.append((float(own @ self.cells.covariance[cell] @ own) / n, max(n - 1, 1)))
        variance = sum(part for part, _n in parts)
        below = sum(part**2 / freedom for part, freedom in parts)
        return max(variance**2 / below, 1.0) if below > 0 else 1.0

    def joint_test(self, names) -> float | None:
        """p, from 0 to 1, of the hypothesis that all of them are zero; None where it cannot be tested.

        Hotelling's T-squared of the means per treated customer-month.
        """
        names = [name for name in names if self.months[name]]
        if not names:
            return None
        scale = np.array([self.months[name] for name in names])
        value, covariance = self.values(names) / scale, self.covariance(names) / np.outer(scale, scale)
        spread, turned = np.linalg.eigh(covariance)
        kept = spread > 1e-9 * spread.max()
        if not spread.max() > 0 or not kept.any():
            return None
        rank = int(kept.sum())
        size = float((((turned.T @ value) ** 2)[kept] / spread[kept]).sum())
        freedom = int(self.cells.n.sum()) - len(self.cells.n)
        if freedom <= rank:
            return None
        return float(stats.f.sf(size * (freedom - rank + 1) / (freedom * rank), rank, freedom - rank + 1))

    def events(self, *, confidence_level: float = 0.95) -> pd.DataFrame:
        """`event` (months since the start), `effect` with `low` and `high`, and treated `customers`, in order.

        Effects are per customer and month, in the outcome's currency; before the start they should be near zero.
        """
        names = sorted((name for name in self.weights if name.startswith("event ")), key=lambda name: int(name[6:]))
        names = [name for name in names if self.months[name]]
        rows = []
        for name in names:
            n = self.months[name]
            value, error = self.values([name])[0] / n, float(np.sqrt(self.covariance([name])[0, 0])) / n
            half = stats.t.ppf(0.5 + confidence_level / 2, self.degrees_of_freedom(name)) * error
            rows.append((int(name[6:]), value, value - half, value + half, n))
        return pd.DataFrame(rows, columns=["event", "effect", "low", "high", "customers"])


def contrasts(cells: Cells, method: str, *, history_months: int, base_months: int = 12, shift: int = 0) -> Contrasts:
    """The weights of all comparisons that the cells allow.

    Parameters
    ----------
    method
        `difference`, `cuped` or `difference_in_differences`.
    history_months
        Months before the start without which customers of a band are not compared; none are needed for a difference.
    base_months
        The most months before the start whose mean is the base.
    shift
        Months by which every start is moved back, with nothing after the true start: a placebo.

    Raises
    ------
    ValueError
        If `method` is none of the three.
    """
    if method not in METHODS:
        raise ValueError(f"`method` must be among {', '.join(METHODS)}, got {method!r}")
    length = cells.mean.shape[1]
    weights: dict[str, np.ndarray] = {}
    months: dict[str, int] = {}

    def add(name: str, n: int, parts, vector: np.ndarray) -> None:
        target = weights.setdefault(name, np.zeros_like(cells.mean))
        months[name] = months.get(name, 0) + n
        for cell, share in parts:
            target[cell] += n * share * vector

    reached, used, last = set(), set(), -1
    for cell in map(int, np.flatnonzero(cells.start < length)):
        start, last_before = cells.start[cell] - shift, cells.before[cell] - shift
        end = cells.before[cell] if shift else length - 1
        entry, n = cells.entry[cell], int(cells.n[cell])
        base = _seen(cells, max(entry, last_before - base_months + 1, 0), last_before)
        if entry > start or len(base) < history_months:
            continue
        same_band = (cells.entry == entry) & (np.arange(len(cells.n)) != cell)
        after = [month for month in _seen(cells, max(start, 0), end) if (same_band & (cells.before >= month)).any()]
        if not after:
            continue
        theta = _slope(cells, method, cell, same_band & (cells.before >= after[-1]), base, after)
        reached.add(cell)
        last = max(last, after[-1])
        for month in after:
            others = np.flatnonzero(same_band & (cells.before >= month))
            used |= set(map(int, others))
            vector = _month(length, month) - theta * _mean(length, base)
            parts = _parts(cells, cell, others)
            for name in ("total", f"wave {start}", f"event {month - start}"):
                add(name, n, parts, vector)
            add("level", n, [(cell, 1.0)], _month(length, month))
        clean = np.flatnonzero(same_band & (cells.before >= after[0]))
        if len(base):
            add(f"before {start}", n, _parts(cells, cell, clean), _mean(length, base))
        for month in base if len(base) > 1 else []:
            vector = _month(length, month) - _mean(length, base)
            add(f"event {month - start}", n, _parts(cells, cell, clean), vector)
    groups = (reached, {c for c in used if cells.start[c] >= length}, reached | used)
    treated, controls, n = (int(cells.n[sorted(group)].sum()) for group in groups)
    return Contrasts(cells, weights, months, treated, controls, n, last)


def _seen(cells: Cells, first: int, last: int) -> list[int]:
    return [month for month in range(int(first), int(last) + 1) if cells.observed[month]]


def _month(length: int, month: int) -> np.ndarray:
    found = np.zeros(length)
    found[month] = 1.0
    return found


def _mean(length: int, months) -> np.ndarray:
    found = np.zeros(length)
    if len(months):
        found[list(months)] = 1 / len(months)
    return found


def _parts(cells: Cells, cell: int, others: np.ndarray) -> list[tuple[int, float]]:
    """The treated cell against the pooled customers of others."""
    shares = cells.n[others] / cells.n[others].sum()
    return [(cell, 1.0), *((int(other), -float(share)) for other, share in zip(others, shares, strict=True))]


def _slope(cells: Cells, method: str, cell: int, others, base, after) -> float:
    """By how much what was before is taken off what came after."""
    if method == "difference_in_differences":
        return 1.0
    inside = np.append(np.flatnonzero(others), cell)
    if method == "difference" or not len(base) or cells.n[inside].sum() < _ENOUGH:
        return 0.0
    length = cells.mean.shape[1]
    before, later = _mean(length, base), _mean(length, after)
    freedom = cells.n[inside] - 1
    shared = np.tensordot(freedom, cells.covariance[inside], axes=1)
    spread = float(before @ shared @ before)
    return float(later @ shared @ before) / spread if spread > 0 else 0.0
