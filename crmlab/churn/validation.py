"""Whether the risk of leaving that a model foretells comes true, for outcomes that it has not seen.

Out of time where there is history: at each of several cut-offs the model is fitted to the periods before it, and
foretells who leaves in the months after it. Where the data know one period alone, out of sample: each tenth of the
customers is foretold from the other nine. The naive baseline is the share who left at the same age of their contract.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.absence import Absent, FitError
from crmlab.churn.challenger import fit_boosted_hazard
from crmlab.churn.hazard import by_customer, fit_hazard
from crmlab.churn.preparation import TENURE
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, sentences
from crmlab.ranking import area_difference, area_under_curve, calibration, lift, mean_of_rows

FEWEST = 10  # who left, before a cut-off and after all of them
_FOLDS = 10
_BAND_ENDS = np.array([3, 6, 12, 24, np.inf])
# cut-off, months foretold, rows fitted to, customers foretold
_Fold = tuple[date | None, int, pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True, eq=False)
class ChurnValidation:
    """Probabilities held against what happened.

    Attributes
    ----------
    auc, auc_baseline, auc_gain
        Area under the ROC curve (0.5 is guessing, 1 perfect), that of the naive baseline, and by how much it is larger.
    brier, brier_baseline, brier_gain
        Mean squared error of the probabilities (0 is best), that of the baseline, and by how much it is smaller.
    calibration_slope, calibration_intercept
        1 and 0 are right; see `crmlab.ranking.calibration`.
    top_decile_lift
        How many times as many leave in the tenth at the highest risk as among all.
    challenger_auc, challenger_gain
        Of gradient-boosted trees, and by how much their area is larger; None where they were not asked for.
    deciles
        Tenths by probability, the highest first: `decile`, `customers`, `predicted`, `actual` with `low` and `high`,
        `lift`.
    cut_offs
        By cut-off: `cut_off`, `customers`, `left`, `auc`; empty out of sample.
    predictions
        `customer_id`, `cut_off`, `probability`, `baseline`, `left` of each row.
    out_of_time
        Whether what was foretold lies after all that the model was fitted to.
    months
        How far ahead was foretold.
    """

    labels: ClassVar[dict[str, str]] = {"measure": N_("Measure"), "value": N_("Value")}

    auc: Estimate
    auc_baseline: Estimate
    auc_gain: Estimate
    brier: Estimate
    brier_baseline: Estimate
    brier_gain: Estimate
    calibration_slope: Estimate | None
    calibration_intercept: Estimate | None
    top_decile_lift: Estimate | None
    challenger_auc: Estimate | None
    challenger_gain: Estimate | None
    deciles: pd.DataFrame
    cut_offs: pd.DataFrame
    predictions: pd.DataFrame
    out_of_time: bool
    months: int

    def metrics(self) -> dict[str, Estimate]:
        """By the names that others read; those that there are."""
        named = {"auc": self.auc, "brier": self.brier, "calibration_slope": self.calibration_slope}
        return {name: estimate for name, estimate in named.items() if estimate is not None}

    def table(self) -> pd.DataFrame:
        """One row per measure."""
        every = (
            self.auc, self.auc_baseline, self.auc_gain, self.brier, self.brier_baseline, self.brier_gain,
            self.calibration_slope, self.calibration_intercept, self.top_decile_lift, self.challenger_auc,
            self.challenger_gain,
        )  # fmt: skip
        return pd.DataFrame([(each.label, each) for each in every if each is not None], columns=["measure", "value"])

    def by_cut_off(self) -> pd.DataFrame | Absent:
        """`cut_offs`, where there is more than one period to choose them from."""
        if self.out_of_time:
            return self.cut_offs
        return Absent(_("the data know one period alone"))

    def headline(self) -> str:
        """How well the model ranks."""
        words = {"auc": self.auc.text(), "evidence": self.auc.evidence(), "naive": self.auc_baseline.text()}
        if self.auc.low is not None and self.auc.low > 0.5:
            return _(
                "The model ranks those who left above those who stayed: its AUC is {auc} {evidence}, where 0.5 is "
                "guessing; going by the age of the contract alone gives {naive}."
            ).format(**words)
        return _("That the model ranks better than a coin cannot be told: its AUC is {auc} {evidence}.").format(**words)

    def summary(self) -> str:
        """How well the model ranks, whether its probabilities are right, and what trees would gain."""
        return sentences(self.headline(), self._level(), self._challenger())

    def method(self) -> str:
        """How it was tested, in a sentence."""
        if self.out_of_time:
            return _(
                "Tested out of time: at {n} cut-offs the model was fitted to what came before and asked who would "
                "leave in the {months} after it."
            ).format(n=language.number(len(self.cut_offs)), months=language.quantity(self.months, "months"))
        return _(
            "Tested out of sample, not out of time, as the data know one period alone: each tenth of the customers was "
            "foretold from the others."
        )

    def _level(self) -> str:
        slope = self.calibration_slope
        if slope is None:
            return ""
        words = {"slope": slope.text(), "evidence": slope.evidence()}
        message = _(
            "Its probabilities agree with what happened: the calibration slope is {slope} {evidence}, where 1 is right."
        )
        if slope.high < 1:
            message = _(
                "Its probabilities spread too far: the calibration slope is {slope} {evidence}, where 1 is right."
            )
        if slope.low > 1:
            message = _(
                "Its probabilities lie too close together: the calibration slope is {slope} {evidence}, where 1 is "
                "right."
            )
        return message.format(**words)

    def _challenger(self) -> str:
        gain = self.challenger_gain
        if gain is None:
            return ""
        message = _("Gradient-boosted trees cannot be told to rank better or worse: AUC differs by {gain} {evidence}.")
        if gain.low > 0:
            message = _(
                "Gradient-boosted trees rank better, their AUC by {gain} {evidence}: the readable model gives that up."
            )
        if gain.high < 0:
            message = _(
                "Gradient-boosted trees rank no better: their AUC differs by {gain} {evidence}, so that the readable "
                "model gives nothing up."
            )
        return message.format(gain=gain.text(), evidence=gain.evidence())


def validate(
    data,
    *,
    link: str = "logit",
    challenger: bool = True,
    seed: int = 0,
    confidence_level: float = 0.95,
) -> ChurnValidation:
    """The hazard model held against outcomes that it has not seen.

    Parameters
    ----------
    data
        As `aggregate.hazard_data` makes it.
    link
        As of `fit_hazard`.
    challenger
        Whether gradient-boosted trees are fitted to the same rows.
    seed
        Of the tenths, out of sample.

    Raises
    ------
    FitError
        If too few left, or stayed, for a test.
    """
    folds: list[_Fold] = [(fold.cut_off, fold.months, fold.rows, fold.customers) for fold in data.folds]
    folds = [fold for fold in folds if fold[2]["events"].sum() >= FEWEST and len(fold[3])]
    out_of_time = sum(fold[3]["left"].sum() for fold in folds) >= FEWEST
    if not out_of_time:
        folds = _tenths(data.last_period, seed)
    parts = [_foretold(*fold, link, challenger, seed, confidence_level) for fold in folds]
    return _held_against(pd.concat(parts, ignore_index=True), out_of_time, folds[0][1], confidence_level)


def hazard_by_tenure(rows: pd.DataFrame, frame: pd.DataFrame, *, months: int) -> pd.Series:
    """The naive forecast: the share who left at the same age of their contract, within so many periods."""
    band = pd.Series(np.searchsorted(_BAND_ENDS, rows[TENURE].to_numpy(float)))
    sums = pd.DataFrame({"events": rows["events"].to_numpy(float), "trials": rows["trials"].to_numpy(float)})
    sums = sums.groupby(band).sum().reindex(range(len(_BAND_ENDS)), fill_value=0.0)
    overall = (sums["events"].sum() + 0.5) / (sums["trials"].sum() + 1)
    # a band that nobody reached counts as all
    share = ((sums["events"] + overall) / (sums["trials"] + 1)).to_numpy()
    stays = np.ones(len(frame))
    for step in range(months):
        stays = stays * (1 - share[np.searchsorted(_BAND_ENDS, frame[TENURE].to_numpy(float) + step)])
    return by_customer(frame, 1 - stays, "probability")


def _tenths(frame: pd.DataFrame, seed: int) -> list[_Fold]:
    """Folds of one period, each with its share of those who left."""
    left = frame["left"].to_numpy() if "left" in frame else np.array([])
    fewest = int(min(left.sum(), len(left) - left.sum())) if len(left) else 0
    if fewest < FEWEST:
        raise FitError(f"{fewest} customers left or stayed where the model could be tested, too few to tell")
    rng = np.random.default_rng(seed)
    tenth = np.empty(len(left), dtype=int)
    for outcome in (0, 1):
        rows = np.flatnonzero(left == outcome)
        tenth[rng.permutation(rows)] = np.arange(len(rows)) % _FOLDS
    known = frame.assign(trials=1, events=left).drop(columns="left")
    return [(None, 1, known[tenth != place], frame[tenth == place]) for place in range(_FOLDS)]


def _foretold(cut_off: date | None, months: int, rows, customers, link, challenger, seed, level) -> pd.DataFrame:
    model = fit_hazard(rows, link=link, confidence_level=level)
    found = {
        "customer_id": customers["customer_id"].to_numpy(),
        "cut_off": cut_off,
        "probability": model.probability(customers, months=months).to_numpy(),
        "baseline": hazard_by_tenure(rows, customers, months=months).to_numpy(),
        "left": customers["left"].to_numpy(),
    }
    if challenger:
        trees = fit_boosted_hazard(rows, seed=seed)
        found["challenger"] = trees.probability(customers, months=months).to_numpy()
    return pd.DataFrame(found)


def _held_against(rows: pd.DataFrame, out_of_time: bool, months: int, level: float) -> ChurnValidation:
    y, p, naive, who = (rows[name].to_numpy() for name in ("left", "probability", "baseline", "customer_id"))
    by: dict[str, Any] = {"confidence_level": level}
    if not 0 < y.sum() < len(y):
        raise FitError("nobody left, or everybody, where the model could be tested")
    slope, intercept = calibration(y, p, who, **by)
    deciles = _deciles(y, p, level)
    top = np.argsort(-p, kind="stable")[: max(1, round(len(p) / _FOLDS))]
    rival = gain = None
    if "challenger" in rows:
        trees = rows["challenger"].to_numpy()
        rival = area_under_curve(y, trees, who, label=_("AUC of gradient-boosted trees"), **by)
        gain = area_difference(y, trees, p, who, label=_("AUC of the trees above the model’s"), **by)
    return ChurnValidation(
        auc=area_under_curve(y, p, who, **by),
        auc_baseline=area_under_curve(y, naive, who, label=_("AUC of the naive baseline"), **by),
        auc_gain=area_difference(y, p, naive, who, label=_("AUC above the naive baseline"), **by),
        brier=mean_of_rows((p - y) ** 2, who, label=_("Brier score"), **by),
        brier_baseline=mean_of_rows((naive - y) ** 2, who, label=_("Brier score of the naive baseline"), **by),
        brier_gain=mean_of_rows(
            (naive - y) ** 2 - (p - y) ** 2, who, label=_("Brier score below the naive baseline"), **by
        ),
        calibration_slope=slope,
        calibration_intercept=intercept,
        top_decile_lift=lift(y, np.isin(np.arange(len(y)), top), who, label=_("lift of the highest tenth"), **by),
        challenger_auc=rival,
        challenger_gain=gain,
        deciles=deciles,
        cut_offs=_by_cut_off(rows, level) if out_of_time else _by_cut_off(rows.iloc[:0], level),
        predictions=rows,
        out_of_time=out_of_time,
        months=months,
    )


def _deciles(y: np.ndarray, p: np.ndarray, level: float) -> pd.DataFrame:
    # a customer's tenth follows from how many have a strictly higher probability: equal ones stay together
    higher = pd.Series(-p).rank(method="min").to_numpy().astype(int) - 1
    frame = pd.DataFrame({"decile": _FOLDS * higher // len(p) + 1, "p": p, "y": y})
    found = frame.groupby("decile").agg(customers=("y", "size"), left=("y", "sum"), predicted=("p", "mean"))
    # Bonferroni: of ten tenths of a perfect model, one would else be off in four of ten checks
    each = 1 - (1 - level) / len(found)
    actual = [intervals.wilson(int(row.left), int(row.customers), confidence_level=each) for row in found.itertuples()]
    for name, ends in (("actual", "value"), ("low", "low"), ("high", "high")):
        found[name] = [getattr(one, ends) for one in actual]
    found["lift"] = found["actual"] / y.mean()
    return found.reset_index()


def _by_cut_off(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    found = []
    for cut_off, part in rows.groupby("cut_off"):
        auc = None
        if 0 < part["left"].sum() < len(part):
            known = (part["left"], part["probability"], part["customer_id"])
            auc = area_under_curve(*known, confidence_level=level)
        found.append((cut_off, len(part), int(part["left"].sum()), auc))
    return pd.DataFrame(found, columns=["cut_off", "customers", "left", "auc"])
