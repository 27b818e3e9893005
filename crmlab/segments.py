"""Customers scored by how recently, how often and for how much they bought, and the segments that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.groups import large, withheld
from crmlab.messages import N_, _, pgettext, sentences

# Rows: recency 1 (longest ago) to 5 (latest). Columns: value, the mean of frequency and monetary scores, 1 to 5.
SEGMENT_GRID = np.array(
    [
        ["Lost", "Lost", "At risk", "At risk", "Cannot lose"],
        ["Hibernating", "Hibernating", "At risk", "At risk", "Cannot lose"],
        ["About to sleep", "About to sleep", "Needs attention", "Loyal", "Loyal"],
        ["Promising", "Potential loyalists", "Potential loyalists", "Loyal", "Loyal"],
        ["New", "Potential loyalists", "Potential loyalists", "Champions", "Champions"],
    ]
)


def _names() -> dict[str, str]:
    """Segments, best first, by their English names in the language that is spoken."""
    # the context tells them from the same words elsewhere
    return {
        "Champions": pgettext("segment", "Champions"),
        "Loyal": pgettext("segment", "Loyal"),
        "Potential loyalists": pgettext("segment", "Potential loyalists"),
        "New": pgettext("segment", "New"),
        "Promising": pgettext("segment", "Promising"),
        "Needs attention": pgettext("segment", "Needs attention"),
        "About to sleep": pgettext("segment", "About to sleep"),
        "Cannot lose": pgettext("segment", "Cannot lose"),
        "At risk": pgettext("segment", "At risk"),
        "Hibernating": pgettext("segment", "Hibernating"),
        "Lost": pgettext("segment", "Lost"),
    }


SEGMENTS = tuple(_names())
SLIPPING = ("Cannot lose", "At risk")


def segment_name(segment: str) -> str:
    """What a segment is called in the language that is spoken; one that is not of this module's keeps its name."""
    return _names().get(segment, segment)


@dataclass(frozen=True, eq=False)
class RFM:
    """Customers scored by recency, frequency and monetary value.

    Attributes
    ----------
    customers
        `customer_id`, the scores `r`, `f` and `m` (1 to `bins`, higher is better) and the `segment`.
    segments
        One row per segment that has customers, best first: `customers`, `customer_share`, `revenue`, `revenue_share`
        (both shares fractions of all), `recency_days` (median), `frequency` (mean of repeat purchases) and
        `mean_revenue` (per customer).
    """

    formats: ClassVar[dict[str, str]] = {
        "segment": "text",
        "customers": "integer",
        "customer_share": "share",
        "revenue": "money",
        "revenue_share": "share",
        "recency_days": "integer",
        "frequency": "number",
        "mean_revenue": "money",
    }
    labels: ClassVar[dict[str, str]] = {
        "customer_share": N_("Share of customers"),
        "revenue_share": N_("Share of revenue"),
        "recency_days": N_("Days since last purchase, median"),
        "frequency": N_("Repeat purchases, mean"),
        "mean_revenue": N_("Revenue per customer"),
    }

    customers: pd.DataFrame
    segments: pd.DataFrame
    as_of: date
    bins: int
    n: int

    def table(self) -> pd.DataFrame:
        """`segments`, with their names in the language that is spoken."""
        return self.segments.assign(segment=self.segments["segment"].map(segment_name))

    def segment_names(self) -> pd.Series:
        """The segment of each customer, in their order, by its name in the language that is spoken."""
        names = _names()
        return self.customers["segment"].map(lambda segment: names.get(segment, segment))

    def summary(self) -> str:
        """How many are champions, and how many were good customers but have not returned; what both brought."""
        best = _(
            "Of {n} customers, {champions} ({share}) are champions: they bought recently, often and much; they brought "
            "{revenue} of revenue."
        )
        lapsing = _("{slipping} ({share}) bought often or much but have not returned for long; they brought {revenue}.")
        return sentences(self._told(best, ("Champions",)), self._told(lapsing, SLIPPING))

    def _told(self, message: str, segments: tuple[str, ...]) -> str:
        """The message on some segments, if a table of all of them shows these."""
        part = self.segments[self.segments["segment"].isin(segments)]
        if not part.index.isin(large(self.table()).index).all():
            return withheld(part["segment"].map(segment_name))
        shares = (language.quantity(float(part[name].sum()), "share") for name in ("customer_share", "revenue_share"))
        told = {"n": language.number(self.n)}
        told |= dict.fromkeys(("champions", "slipping"), language.number(int(part["customers"].sum())))
        return message.format(**told | dict(zip(("share", "revenue"), shares, strict=True)))


def rfm(
    customers: pd.DataFrame,
    *,
    as_of: date,
    bins: int = 5,
    cuts: Mapping[str, Sequence[float]] | None = None,
) -> RFM:
    """Scores for recency, frequency and monetary value, and the segment that follows from them.

    A score says how many customers do strictly worse: with five bins, 5 means at least 80%, 4 at least 60%, 1 fewer
    than 20%. Equal values thus always have equal scores, however many customers share them.

    Parameters
    ----------
    customers
        One row per customer: `customer_id`, `last_date` of a purchase, `frequency` (repeat purchases), `revenue` (net).
    as_of
        Day to which recency is counted, on or after the last purchase.
    bins
        Number of scores, 2 to 10.
    cuts
        Fixed borders in place of equal parts, for any of `recency_days`, `frequency` and `revenue`: `bins` - 1 rising
        numbers. A value on a border has the better score: with revenue cut at [100, 500, 1000, 5000], 100 scores 2
        and 5,000 scores 5; with recency_days cut at [30, 90, 180, 365], 30 days score 5.

    Raises
    ------
    ValueError
        If `customers` are none, lack a column or have an empty value, `as_of` precedes a purchase, or `bins` or `cuts`
        are not as described.

    Notes
    -----
    `SEGMENT_GRID` reads the segment from the recency score and the mean of the frequency and monetary scores, halves
    rounded up, both on the scale of five. Every combination of scores has exactly one segment. The names are the usual
    ones; published cells overlap and leave gaps, so the cells here are drawn anew along the same lines. The grid is a
    convention of the trade, not a statistical model.

    References
    ----------
    Hughes (1994), Strategic database marketing: scores by fifths. Putler (2017), RFM analysis for successful customer
    segmentation: the names of the segments, by recency and the mean of frequency and monetary value.
    """
    needed = ("customer_id", "last_date", "frequency", "revenue")
    frame = required_columns(customers, needed)
    if isinstance(bins, bool) or int(bins) != bins or not 2 <= bins <= 10:
        raise ValueError(f"`bins` must be a whole number from 2 to 10, got {bins}")
    recency_days = (pd.Timestamp(as_of) - pd.to_datetime(frame["last_date"]).dt.normalize()).dt.days
    if (recency_days < 0).any():
        last = pd.to_datetime(frame["last_date"]).max().date()
        raise ValueError(f"`as_of` must not precede the last purchase on {last}, got {pd.Timestamp(as_of).date()}")
    measures = {"recency_days": -recency_days, "frequency": frame["frequency"], "revenue": frame["revenue"]}
    borders = _borders(cuts or {}, bins)
    found = {
        name: _scores_between(values, borders[name]) if name in borders else _scores(values, bins)
        for name, values in measures.items()
    }
    scores = dict(zip("rfm", found.values(), strict=True))
    r, f, m = (-(-5 * score // bins) for score in scores.values())
    segment = SEGMENT_GRID[r - 1, (f + m + 1) // 2 - 1]
    scored = pd.DataFrame({"customer_id": frame["customer_id"].to_numpy(), **scores, "segment": segment})
    segments = (
        frame.assign(segment=segment, recency_days=recency_days)
        .groupby("segment")
        .agg(
            customers=("revenue", "size"),
            revenue=("revenue", "sum"),
            recency_days=("recency_days", "median"),
            frequency=("frequency", "mean"),
            mean_revenue=("revenue", "mean"),
        )
    )
    segments = segments.loc[[name for name in SEGMENTS if name in segments.index]].reset_index()
    segments.insert(2, "customer_share", segments["customers"] / len(frame))
    segments.insert(4, "revenue_share", segments["revenue"] / segments["revenue"].sum())
    return RFM(scored, segments, pd.Timestamp(as_of).date(), int(bins), len(frame))


def _borders(cuts: Mapping[str, Sequence[float]], bins: int) -> dict[str, np.ndarray]:
    """Checked, and rising with the score: those of recency are negative."""
    measures = ("recency_days", "frequency", "revenue")
    for name, given in cuts.items():
        if name not in measures:
            raise ValueError(f"`cuts` must be of {', '.join(measures)}, got {name!r}")
        numbers = isinstance(given, Sequence) and all(isinstance(each, (int, float)) for each in given)
        if not numbers or len(given) != bins - 1 or any(low >= high for low, high in pairwise(given)):
            raise ValueError(f"`cuts` of {name} must be {bins - 1} rising numbers, got {given!r}")
    borders = {name: np.asarray(given, dtype=float) for name, given in cuts.items()}
    return borders | {name: -borders[name][::-1] for name in borders if name == "recency_days"}


def _scores_between(values: pd.Series, borders: np.ndarray) -> np.ndarray:
    """1 + how many borders are reached."""
    return 1 + np.searchsorted(borders, values.to_numpy(dtype=float), side="right")


def _scores(values: pd.Series, bins: int) -> np.ndarray:
    """1 + how many of `bins` equal parts of the customers have a strictly lower value."""
    worse = values.rank(method="min").to_numpy().astype(int) - 1
    return 1 + bins * worse // len(values)


def required_columns(customers: pd.DataFrame, needed: tuple[str, ...]) -> pd.DataFrame:
    """The needed columns of a customer summary, none of them missing or with an empty value.

    Raises
    ------
    ValueError
        If there are no customers, a column is missing, or one has an empty value.
    """
    missing = [name for name in needed if name not in customers.columns]
    if missing:
        raise ValueError(f"`customers` must have the columns {', '.join(needed)}; missing: {', '.join(missing)}")
    if len(customers) == 0:
        raise ValueError("`customers` must have at least one row, got none")
    frame = customers[list(needed)]
    empty = [name for name in needed if frame[name].isna().any()]
    if empty:
        raise ValueError(f"`customers` must have no empty values, got some in {', '.join(empty)}")
    return frame
