"""How the score goes with the service: the net promoter score of customers served fast and of those served slowly.

Answers are put in quarters by what the customer had got before the answer. Answers of one customer count as alike, in
the score of a quarter and in the difference between the best-served and the worst-served.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy import special, stats

from crmlab.absence import FitError
from crmlab.intervals import Estimate
from crmlab.many_tests import holm
from crmlab.messages import N_, _, sentences
from crmlab.nps.driver_names import driver_name, driver_value, more_is_better
from crmlab.nps.score import net_promoter_score

MEASURES = ("response_hours", "resolution_hours", "delivery_delay_days")
FEWEST = 20  # answers of a quarter
_QUARTERS = 4


@dataclass(frozen=True, eq=False)
class ScoreByService:
    """The net promoter score by quarters of what customers got.

    Attributes
    ----------
    bands
        One row per measure and quarter, the best-served first: `measure`, `name`, `band` (in words), `low` and `high`
        of the measure (hours or days), `answers`, `nps` (Estimate, points).
    differences
        One row per measure: `measure`, `name`, `difference` (points by which the best-served score above the
        worst-served; Estimate), `borne_out` (whether it is told from none, Holm's correction made for all measures).
    """

    formats: ClassVar[dict[str, str]] = {"answers": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "name": N_("Service"),
        "band": N_("Customers who got"),
        "answers": N_("Answers"),
        "nps": N_("Net promoter score"),
    }

    bands: pd.DataFrame
    differences: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """`bands` as a reader sees them."""
        return self.bands[["name", "band", "answers", "nps"]]

    def summary(self) -> str:
        """The measure that goes with the score most closely, and those that cannot be told to."""
        known = self.differences[self.differences["borne_out"]]
        if known.empty:
            return _("The score cannot be told to go with how fast customers are served.")
        first = known.loc[known["difference"].map(lambda each: abs(each.value)).idxmax()]
        ends = self.bands[self.bands["measure"] == first["measure"]]
        best, worst = ends.iloc[0]["nps"], ends.iloc[-1]["nps"]
        return sentences(
            _(
                "By {measure}, the best-served quarter of answers has a score of {best} and the worst-served of "
                "{worst}: a difference of {difference} {evidence}."
            ).format(
                measure=first["name"],
                best=best.text(),
                worst=worst.text(),
                difference=first["difference"].text(),
                evidence=first["difference"].evidence(),
            ),
            _("Other drivers are not held fixed here."),
        )


def score_by_service(
    answers: pd.DataFrame, *, measures: tuple[str, ...] = MEASURES, confidence_level: float = 0.95
) -> ScoreByService:
    """Net promoter scores of the best-served to the worst-served quarter, by each measure of service that is known.

    Parameters
    ----------
    answers
        One row per answer, as `crmlab.aggregate.answer_drivers.answer_drivers` makes them.
    measures
        Columns of the answers; those that are not there are passed over.

    Raises
    ------
    FitError
        If no measure tells two quarters of at least 20 answers apart.
    """
    bands, differences = [], []
    for measure in measures:
        if measure not in answers:
            continue
        part = answers[answers[measure].notna() & answers["nps"].notna()]
        rows, difference = _bands(measure, part, confidence_level)
        bands += rows
        differences += [difference] if rows else []
    if not bands:
        raise FitError(_("too few answers are of customers with a service case before them"))
    frame = pd.DataFrame(differences)
    frame["borne_out"] = holm(2 * special.ndtr(-frame.pop("z").to_numpy())) < 1 - confidence_level
    return ScoreByService(pd.DataFrame(bands), frame)


def _bands(measure: str, part: pd.DataFrame, level: float) -> tuple[list[dict], dict]:
    values = part[measure].to_numpy(float)
    if more_is_better(measure):
        values = -values
    cuts = np.unique(np.quantile(values, np.arange(1, _QUARTERS) / _QUARTERS)) if len(values) else np.array([])
    place = np.searchsorted(cuts, values, side="left")
    sizes = np.bincount(place, minlength=len(cuts) + 1)
    if (sizes >= FEWEST).sum() < 2:
        return [], {}
    worth = np.where(part["nps"] >= 9, 1.0, np.where(part["nps"] <= 6, -1.0, 0.0))
    who = np.unique(part["customer_id"].to_numpy(), return_inverse=True)[1]
    rows, influences = [], []
    for band in np.flatnonzero(sizes >= FEWEST):
        own = place == band
        n, middle = int(own.sum()), float(worth[own].mean())
        influence = np.bincount(who, np.where(own, worth - middle, 0.0)) / n
        counts = [int((worth[own] == kind).sum()) for kind in (1, 0, -1)]
        plain = float(((worth[own] - middle) ** 2).sum()) / n**2
        effect = max(1.0, float((influence**2).sum()) / plain) if plain > 0 else 1.0
        label = _("net promoter score")
        score = net_promoter_score(*counts, design_effect=effect, label=label, confidence_level=level)
        low, high = part[measure].to_numpy(float)[own].min(), part[measure].to_numpy(float)[own].max()
        rows.append(
            {
                "measure": measure,
                "name": driver_name(measure),
                "band": _span(measure, low, high),
                "low": low,
                "high": high,
            }
            | {"answers": n, "nps": score}
        )
        influences.append(influence)
    # the quarters end where this sample does: who is on an edge scores between the two beside it
    kept, means = np.flatnonzero(sizes >= FEWEST), [row["nps"].value / 100 for row in rows]
    for end, beside in ((0, 1), (-1, -2)):
        own, edge = place == kept[end], (means[beside] - means[end]) / 2
        influences[end] = influences[end] + np.bincount(who, edge * (own.mean() - own)) / own.sum()
    return rows, _difference(measure, rows, influences[0] - influences[-1], level)


def _difference(measure: str, rows: list[dict], influence: np.ndarray, level: float) -> dict:
    """Points by which the best-served score above the worst-served."""
    m = int((influence != 0).sum())
    value = rows[0]["nps"].value - rows[-1]["nps"].value
    error = 100 * float(np.sqrt((influence**2).sum() * m / max(m - 1, 1)))
    n = rows[0]["answers"] + rows[-1]["answers"]
    found = {"unit": "points", "n": n, "label": _("difference of scores by service"), "confidence_level": level}
    named = {"measure": measure, "name": driver_name(measure)}
    if error == 0:
        return named | {"difference": Estimate(value, None, None, no_interval=N_("all answers alike"), **found), "z": 0}
    half = float(stats.t.ppf(0.5 + level / 2, max(m - 1, 1))) * error
    low, high = max(-200.0, value - half), min(200.0, value + half)
    return named | {"difference": Estimate(value, low, high, **found), "z": abs(value) / error}


def _span(measure: str, low: float, high: float) -> str:
    ends = driver_value(measure, low, step=high, plain=True), driver_value(measure, high, step=high)
    return _("{low} to {high}").format(low=ends[0], high=ends[1])
