"""What customers bring today: how concentrated revenue is, who comes back, what is refunded, who buys how."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab import intervals, language, lorenz
from crmlab.intervals import Estimate
from crmlab.segments import RFM, required_columns, rfm

__all__ = ["RFM", "Concentration", "concentration", "metrics", "refund_rate", "repeat_share", "rfm"]

CURVE_POINTS = 201


@dataclass(frozen=True, eq=False)
class Concentration:
    """How revenue is spread over customers.

    Attributes
    ----------
    curve
        `customer_share` and cumulative `revenue_share`, largest customers first, from (0, 0) to (1, 1).
    top
        Which share of customers `top_share` speaks of.
    top_share
        Share of revenue that the top customers brought; `top` means all bring the same.
    gini
        0 when all bring the same, towards 1 the more a single customer brings all.
    half, eighty
        Smallest share of customers that brings half, and 80%, of revenue; as numbers, `half_share`, `eighty_share`.
    negatives
        Customers whose refunds exceed their purchases; they count as zero.
    """

    curve: pd.DataFrame
    top: float
    top_share: Estimate
    gini: Estimate
    half: Estimate
    eighty: Estimate
    n: int
    total: float
    negatives: int
    unit: str = ""

    @property
    def half_share(self) -> float:
        return self.half.value

    @property
    def eighty_share(self) -> float:
        return self.eighty.value

    def table(self) -> pd.DataFrame:
        """One row per measure; shares are fractions of one."""
        estimates = (self.top_share, self.gini, self.half, self.eighty)
        rows = [(each.label, each.value, each.low, each.high, each.n) for each in estimates]
        frame = pd.DataFrame(rows, columns=["measure", "value", "low", "high", "n"])
        return frame.astype({"low": float, "high": float})

    def summary(self) -> str:
        text = (
            f"The top {_per_cent(self.top)} of customers brought {self.top_share.text()} of revenue "
            f"{self.top_share.evidence()}. Half of it came from {self.half.text()} of customers {self.half.evidence()}."
        )
        if self.negatives == 1:
            return f"{text} One customer whose refunds exceed the purchases counts as zero."
        if self.negatives:
            number = language.number(self.negatives)
            return f"{text} {number} customers whose refunds exceed their purchases count as zero."
        return text


def concentration(revenue, *, top: float = 0.20, unit: str = "", confidence_level: float = 0.95) -> Concentration:
    """Concentration of revenue: top share, customers needed for half, Gini index; see `crmlab.lorenz`.

    Parameters
    ----------
    revenue
        Net revenue of each customer, at least one of them above zero. Below zero counts as zero.
    top
        Share of customers to look at, between 0 and 1.
    unit
        ISO 4217 code of the currency.

    Examples
    --------
    >>> result = concentration([60, 20, 10, 5, 5])
    >>> round(result.top_share.value, 3), round(result.gini.value, 3)
    (0.6, 0.5)

    The largest of five customers brings 60% of revenue.
    """
    if not 0 < top < 1:
        raise ValueError(f"`top` must lie between 0 and 1, got {top}")
    given = np.asarray(revenue, dtype=float)
    if given.ndim != 1 or len(given) == 0:
        raise ValueError("`revenue` must hold one number per customer, got none")
    if not np.isfinite(given).all():
        raise ValueError(f"`revenue` must be finite, got {int((~np.isfinite(given)).sum())} values that are not")
    largest_first = np.sort(np.maximum(given, 0.0))[::-1]
    n, total = len(given), float(largest_first.sum())
    if total <= 0:
        raise ValueError(f"`revenue` must be above zero for at least one customer, got none among {n}")
    # The scale cancels; without this, very large or very small amounts overflow.
    scaled = largest_first / largest_first[0]
    reached = lorenz.cumulative_share(scaled)
    level = {"confidence_level": confidence_level}
    positions = np.round(np.linspace(0, n, min(n + 1, CURVE_POINTS - 1)))
    positions = np.unique(np.append(positions, round(top * n, 9)))
    return Concentration(
        curve=pd.DataFrame(
            {"customer_share": positions / n, "revenue_share": np.interp(positions, np.arange(n + 1), reached)}
        ),
        top=top,
        top_share=lorenz.top_share(
            scaled, top=top, label=f"share of revenue from the top {_per_cent(top)} of customers", **level
        ),
        gini=lorenz.gini_index(scaled, label="Gini index of revenue", **level),
        half=lorenz.customers_needed(
            scaled, share=0.5, label="share of customers who brought half of revenue", **level
        ),
        eighty=lorenz.customers_needed(
            scaled, share=0.8, label="share of customers who brought 80% of revenue", **level
        ),
        n=n,
        total=total,
        negatives=int((given < 0).sum()),
        unit=unit,
    )


def _per_cent(share: float) -> str:
    return language.quantity(share, "share", digits=0 if round(100 * share, 6).is_integer() else 1)


def repeat_share(customers: pd.DataFrame, *, confidence_level: float = 0.95) -> Estimate:
    """Share of customers who bought again after their first day of purchase, with Wilson's interval."""
    frequency = required_columns(customers, ("frequency",))["frequency"]
    label = "share of customers who bought again"
    return intervals.wilson(int((frequency > 0).sum()), len(frequency), label=label, confidence_level=confidence_level)


def refund_rate(customers: pd.DataFrame, *, confidence_level: float = 0.95) -> Estimate:
    r"""Refunds as a share of gross purchases.

    .. math:: \hat R = \frac{\sum_i f_i}{\sum_i g_i}, \quad
              s^2 = \frac{\sum_i (f_i - \hat R g_i)^2}{n (n - 1)\,\bar g^2}

    for refunds `f` and gross purchases `g` of customer `i`.

    Parameters
    ----------
    customers
        One row per customer: `revenue`, net of refunds, and `refunds`, not negative.

    Returns
    -------
    Estimate
        A share, lower is better. Customers, not refunds, are the sample: one customer's refunds hang together.

    References
    ----------
    Cochran (1977), Sampling techniques, chapter 6 (ratio estimator).
    """
    frame = required_columns(customers, ("revenue", "refunds"))
    refunds, gross = frame["refunds"].to_numpy(float), (frame["revenue"] + frame["refunds"]).to_numpy(float)
    if (refunds < 0).any():
        raise ValueError(f"`refunds` must not be negative, got {refunds.min()}")
    if gross.sum() <= 0:
        raise ValueError(f"`customers` must have gross purchases above zero, got {gross.sum()}")
    n, rate = len(frame), float(refunds.sum() / gross.sum())
    label = "refunds as a share of gross purchases"
    if rate == 0 or n == 1:
        reason = "no refund in the data" if rate == 0 else "one customer"
        intervals.z_score(confidence_level)
        return Estimate(rate, None, None, "share", n, label, confidence_level, no_interval=reason)
    standard_error = float(np.sqrt(((refunds - rate * gross) ** 2).sum() / (n * (n - 1))) / gross.mean())
    return intervals.from_standard_error(
        rate, standard_error, unit="share", n=n, label=label, within=(0, 1), confidence_level=confidence_level
    )


def margin_share(customers: pd.DataFrame, given: float | None = None, *, confidence_level: float = 0.95) -> Estimate:
    """What is left of revenue after the cost of what was sold, as a share of revenue.

    Parameters
    ----------
    customers
        One row per customer: `revenue`, net of refunds, and `margin` where the client's data have it.
    given
        The share to use whatever the data say, 0 to 1.

    Returns
    -------
    Estimate
        The one given; else the ratio of margin to revenue over all customers; else 1, which values revenue itself.

    Raises
    ------
    ValueError
        If the data's margin is not between 0 and revenue.
    """
    label = "margin as a share of revenue"
    n = len(customers)
    if given is not None or "margin" not in customers:
        reason = (
            "stated in the parameters" if given is not None else "the data have no margin: revenue itself is valued"
        )
        return Estimate(1.0 if given is None else given, None, None, "share", n, label, no_interval=reason)
    revenue, margin = customers["revenue"].to_numpy(dtype=float), customers["margin"].to_numpy(dtype=float)
    share = float(margin.sum() / revenue.sum()) if revenue.sum() > 0 else np.nan
    if not 0 < share <= 1:
        raise ValueError(f"`margin` must add up to a share of revenue above 0 and up to 1, got {share:.3g}")
    if n == 1 or share == 1:
        reason = "one customer" if n == 1 else "all revenue is margin"
        return Estimate(share, None, None, "share", n, label, confidence_level, no_interval=reason)
    standard_error = float(np.sqrt(((margin - share * revenue) ** 2).sum() / (n * (n - 1))) / revenue.mean())
    return intervals.from_standard_error(
        share, standard_error, unit="share", n=n, label=label, within=(0, 1), confidence_level=confidence_level
    )


def margin_summary(margin: Estimate) -> str:
    """What the forecast counts: margin, at which share, or spend itself."""
    if margin.low is not None:
        return f"Of revenue, {margin} is margin by the client's data; lifetime value counts that share."
    if margin.value == 1:
        return "Lifetime value is what customers spend, before any cost."
    return f"Lifetime value counts {margin.text()} of spend as margin, {margin.no_interval}."


def refund_summary(refunds: Estimate) -> str:
    """What refunds take back, and that the forecast allows for it."""
    if refunds.value == 0:
        return "There are no refunds."
    return f"Refunds took back {refunds} of what was purchased; the forecast takes off the same share."


def metrics(
    customers: pd.DataFrame, concentration: Concentration, repeat_share: Estimate | None = None
) -> dict[str, Estimate]:
    """What a run publishes of a customer base, by the names that the index and the diagnosis read.

    Parameters
    ----------
    customers
        One row per customer: `purchases` (how many) and `revenue`, net of refunds.
    """
    frame = required_columns(customers, ("purchases", "revenue"))
    full = "a full count, not a sample"
    n, unit = len(frame), concentration.unit
    name = f"top_{round(100 * concentration.top, 6):g}_percent_share"
    published = {
        "customers": intervals.count(n, "customers", "customers"),
        "transactions": intervals.count(int(frame["purchases"].sum()), "purchases", "purchases, without refunds"),
        "revenue": Estimate(
            float(frame["revenue"].sum()), None, None, unit, n, "revenue, net of refunds", no_interval=full
        ),
        name: concentration.top_share,
        "gini": concentration.gini,
    }
    return published if repeat_share is None else published | {"repeat_share": repeat_share}
