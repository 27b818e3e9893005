"""Which drivers matter most, and how well the firm does on them: what to mend first.

Importance is a driver's Shapley value: what it adds to the variance of the scores that the drivers explain together
(of the latent score behind an ordinal logit), averaged over the orders in which they could be counted; see
`crmlab.nps.shapley`.

Performance is where the average answer lies between the worst-served and the best-served twentieth: 0 to 100%. Both
together say what there is to gain: by how much the model expects the score to be higher if everybody were served as
well as the best-served quarter is. What to mend first is the driver with the most to gain, and whichever cannot be told
from it.

Intervals are from a bootstrap of whole customers (exponential weights); the model follows each by one step of Newton.

References
----------
Martilla and James (1977), Importance-performance analysis, Journal of
Marketing 41, 77-79. Rubin (1981), The Bayesian bootstrap, Annals of Statistics 9, 130-134.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy import special

from crmlab.intervals import Estimate
from crmlab.likelihood import prediction_bounds
from crmlab.messages import N_, _, listed, ngettext, sentences
from crmlab.nps.driver_names import driver_name, driver_value, is_lever, more_is_better, pain_point
from crmlab.nps.drivers import DriverModel
from crmlab.nps.shapley import ClusterSums, orders_of_entry, shapley_variance

MEND, THEN = N_("mend first"), N_("mend next")
_ENDS = 0.05  # the worst-served and the best-served share, between which performance is measured
_CLASSES = 400  # of a driver's values, between which the bootstrap looks for its ends
_AT_ONCE = 4_000_000  # weights held at a time
_FOLLOWED = 2_000  # answers that the bootstrap of the gain follows


@dataclass(frozen=True, eq=False)
class DriverImportance:
    """Importance and performance of drivers.

    Attributes
    ----------
    drivers
        One row per driver, what to mend first and then the most important: `driver` (column), `name`, `importance`
        (share of what all explain together; Estimate), `performance` (a share: 1 is as well served as the best) and
        `gain` (points of the score; Estimates, None for what the firm cannot move), `best` (what the best-served
        quarter gets at least, in the driver's unit), `lever`, `verdict` (empty for what is no lever, or has no effect
        that the answers bear out).
    """

    labels: ClassVar[dict[str, str]] = {
        "name": N_("Driver"),
        "importance": N_("Importance"),
        "performance": N_("Performance"),
        "gain": N_("Points to gain"),
        "verdict": N_("Verdict"),
    }

    drivers: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """`drivers` as a reader sees them."""
        frame = self.drivers[["name", "importance", "performance", "gain", "verdict"]]
        return frame.assign(verdict=[_(verdict) if verdict else "–" for verdict in frame["verdict"]])

    def summary(self) -> str:
        """What to mend first, as `pains` says it."""
        return self.pains()

    def pains(self) -> str:
        """The pain points by name: what to mend first."""
        rows = self.drivers[self.drivers["verdict"] == MEND]
        if rows.empty:
            return _("No pain point can be named: no service of the firm goes with the scores for certain.")
        first = rows.iloc[0]
        named = listed(pain_point(column) for column in rows["driver"])
        said = ngettext(
            "Mend first: {pains}.", "Mend first: {pains}; which of them is worst cannot be told.", len(rows)
        ).format(pains=named)
        why = _(
            "{driver}: were all customers served as well as the best-served quarter, at {best}, the model expects a "
            "score higher by {gain} {evidence}."
        )
        name, gain = first["name"], first["gain"]
        return sentences(
            said,
            why.format(
                driver=name[:1].upper() + name[1:],
                best=driver_value(first["driver"], first["best"], step=first["best"]),
                gain=gain.text(),
                evidence=gain.evidence(),
            ),
        )


def driver_importance(
    model: DriverModel, *, confidence_level: float = 0.95, draws: int = 400, seed: int = 0
) -> DriverImportance:
    """Shapley importance of each driver beside the firm's performance on it.

    Parameters
    ----------
    model
        As `crmlab.nps.drivers.driver_model` fits it.
    draws
        Bootstrap samples of customers, enough for the confidence level (at 95%, 39); a `ValueError` of fewer.
    """
    rng = np.random.default_rng(seed)
    design, fit = model.design, model.fit
    x = design.matrix.to_numpy()
    x = (x - x.mean(axis=0)) / model.scale
    who = np.unique(design.clusters, return_inverse=True)[1]
    orders = orders_of_entry(len(design.drivers), rng)
    owner = np.repeat(np.arange(len(design.drivers)), [len(driver.columns) for driver in design.drivers])
    at = len(fit.thresholds)
    clusters, noise = ClusterSums(x, who), fit.covariance[at:, at:]
    levers = [
        _Lever(model, place, who)
        for place, driver in enumerate(design.drivers)
        if driver.is_number and is_lever(driver.name)
    ]
    ones = np.ones((1, clusters.n))
    point = shapley_variance(fit.coefficients[None], clusters.covariance(ones), noise, orders, owner, times=1)[0]
    reached, gained = [lever.performance(ones)[0] for lever in levers], _gains(model, x, levers, fit.params[None])[0]
    followed = rng.choice(len(x), min(len(x), _FOLLOWED), replace=False)
    middle = _gains(model, x, levers, fit.params[None], followed)[0]
    drawn, places, gains = [], [], []
    for size in _chunks(draws, clusters.n):
        weights = rng.standard_exponential((size, clusters.n))
        params = fit.params + (weights - 1) @ fit.scores @ fit.bread
        covariances = clusters.covariance(weights)
        drawn.append(shapley_variance(params[:, at:], covariances, noise, orders, owner, times=2))
        places.append(np.array([lever.performance(weights) for lever in levers]).reshape(len(levers), size))
        gains.append(_gains(model, x, levers, params, followed, weights[:, who[followed]]) - middle + gained)
    drawn, places, gains = np.vstack(drawn), np.hstack(places), np.vstack(gains)
    shown: dict[str, Any] = {"n": model.n, "level": confidence_level}
    point, drawn = np.maximum(point, 0.0), np.maximum(drawn, 0.0)
    shares = point / point.sum() if point.sum() > 0 else np.full(len(point), 1 / len(point))
    drawn = drawn / np.where(drawn.sum(axis=1) > 0, drawn.sum(axis=1), 1.0)[:, None]
    rows = [
        {
            "driver": driver.name,
            "name": driver_name(driver.name),
            "importance": _estimate(share, drawn[:, place], _("importance of a driver"), **shown),
        }
        for place, (driver, share) in enumerate(zip(design.drivers, shares, strict=True))
    ]
    frame = pd.DataFrame(rows).assign(performance=None, gain=None, best=np.nan, lever=False).astype({"gain": object})
    for number, lever in enumerate(levers):
        performance = _estimate(reached[number], places[number], _("performance of a driver"), **shown)
        gain = _estimate(gained[number], gains[:, number], _("points of the score to gain"), unit="points", **shown)
        frame.loc[lever.place, ["performance", "gain", "best", "lever"]] = [performance, gain, lever.best, True]
    borne_out = set(model.effects.loc[model.effects["borne_out"] & model.effects["lever"], "driver"])
    frame["verdict"] = _verdicts(frame, frame["driver"].isin(borne_out) & frame["lever"])
    worth = [(row.verdict != MEND, -row.gain.value if row.verdict == MEND else -row.importance.value)
             for row in frame.itertuples()]  # fmt: skip
    order = sorted(range(len(frame)), key=lambda place: worth[place])
    return DriverImportance(frame.iloc[order].reset_index(drop=True))


class _Lever:
    """A driver that the firm can move: its values, and what the best-served quarter gets."""

    def __init__(self, model: DriverModel, place: int, who: np.ndarray):
        driver = model.design.drivers[place]
        self.place, self.column = place, list(model.design.matrix.columns).index(driver.columns[0])
        known = more_is_better(driver.name)
        self.more_is_better = model.fit.coefficients[self.column] > 0 if known is None else known
        values = model.design.raw[driver.name].to_numpy(float)
        self.best = float(np.nanquantile(values, 0.75 if self.more_is_better else 0.25))
        better = np.maximum(values, self.best) if self.more_is_better else np.minimum(values, self.best)
        # an unknown value stays what it counts as
        self.change = np.nan_to_num(better - values) / model.scale[self.column]
        self._classes = _classes(values, who)

    def performance(self, weights: np.ndarray) -> np.ndarray:
        """Where the average lies between the worst-served and the best-served, one number per row of weights."""
        place = _performance(self._classes, weights)
        return place if self.more_is_better else 1 - place


def _classes(values: np.ndarray, who: np.ndarray):
    """A driver's known values in classes, each with its mean, and how many of each a customer has."""
    from scipy import sparse

    known = ~np.isnan(values)
    ends = np.unique(np.quantile(values[known], np.linspace(0, 1, _CLASSES + 1)))
    place = np.clip(np.searchsorted(ends, values[known], side="right") - 1, 0, len(ends) - 1)
    counts = np.bincount(place, minlength=len(ends))
    means = np.bincount(place, values[known], len(ends)) / np.maximum(counts, 1)
    shape = (int(who.max()) + 1, len(ends))
    table = sparse.csr_matrix((np.ones(len(place)), (who[known], place)), shape=shape)
    return means[counts > 0], table[:, counts > 0]


def _performance(classes, weights: np.ndarray) -> np.ndarray:
    """Where the average lies between the lowest and the highest twentieth, one number per row of weights."""
    values, table = classes
    shares = (table.T @ weights.T).T
    shares = shares / shares.sum(axis=1, keepdims=True)
    reached = np.cumsum(shares, axis=1)
    low, high = (values[np.minimum((reached < end).sum(axis=1), len(values) - 1)] for end in (_ENDS, 1 - _ENDS))
    width = np.where(high > low, high - low, 1.0)
    within = np.clip((values[None, :] - low[:, None]) / width[:, None], 0.0, 1.0)
    return (shares * within).sum(axis=1)


def _gains(model: DriverModel, x: np.ndarray, levers: list[_Lever], params: np.ndarray, rows=None, weights=None):
    """Points by which the expected score is higher if everybody got what the best-served quarter gets.

    One row per row of params, one column per lever; over the answers `rows`, with weights of their own for each row.
    """
    levels = model.fit.levels
    worth = 100.0 * np.sign(np.where(levels >= 9, 1, np.where(levels <= 6, -1, 0))) if model.score == "nps" else levels
    steps, at = np.diff(worth), len(levels) - 1
    rows = slice(None) if rows is None else rows
    found = np.zeros((len(params), len(levers)))
    for draw, own in enumerate(params):
        line, weight = x[rows] @ own[at:], None if weights is None else weights[draw]
        cuts = [(cut, step) for cut, step in zip(own[:at], steps, strict=True) if step]
        now = sum(step * special.expit(cut - line) for cut, step in cuts)
        for place, lever in enumerate(levers):
            then = line + lever.change[rows] * own[at + lever.column]
            found[draw, place] = np.average(now - sum(s * special.expit(c - then) for c, s in cuts), weights=weight)
    return found


def _estimate(value: float, drawn: np.ndarray, label: str, *, n: int, level: float, unit: str = "share") -> Estimate:
    low, high = prediction_bounds(drawn, level)
    return Estimate(float(value), min(float(low), value), max(float(high), value), unit, n, label, level)


def _verdicts(frame: pd.DataFrame, borne_out: pd.Series) -> list[str]:
    """The lever with the most to gain and those that cannot be told from it; then others that the answers bear out."""
    gains = frame.loc[borne_out, "gain"]
    gains = gains[[gain.value > 0 for gain in gains]]
    if gains.empty:
        return [""] * len(frame)
    most = max(gains, key=lambda gain: gain.value)
    verdicts = pd.Series("", index=frame.index)
    verdicts[gains.index] = [MEND if gain.high >= most.low else THEN for gain in gains]
    return list(verdicts)


def _chunks(draws: int, customers: int) -> list[int]:
    size = max(1, min(draws, _AT_ONCE // customers))
    return [size] * (draws // size) + ([draws % size] if draws % size else [])
