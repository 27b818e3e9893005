"""What customers bring today: how concentrated revenue is, and how many come back."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab import intervals, language, lorenz
from crmlab.intervals import Estimate
from crmlab.messages import _, ngettext, sentences
from crmlab.segments import required_columns

CURVE_POINTS = 201


@dataclass(frozen=True, eq=False)
class Concentration:
    """How revenue is spread over customers.

    Attributes
    ----------
    curve
        `customer_share` and cumulative `revenue_share`, largest customers first, from (0, 0) to (1, 1).
    top
        Which share of customers `top_share` speaks of, as a fraction.
    top_share
        Share of revenue that the top customers brought, from `top`, where all bring the same, to 1.
    gini
        0 when all bring the same, towards 1 the more a single customer brings all.
    half, eighty
        Smallest share of customers that brings half, and 80%, of revenue; the smaller, the more hangs on a few.
    n, total
        How many customers, and their revenue, negative ones counted as zero, in money of `unit`.
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

    def table(self) -> pd.DataFrame:
        """One row per measure; shares are fractions of one."""
        estimates = (self.top_share, self.gini, self.half, self.eighty)
        rows = [(each.label, each.value, each.low, each.high, each.n) for each in estimates]
        frame = pd.DataFrame(rows, columns=["measure", "value", "low", "high", "n"])
        return frame.astype({"low": float, "high": float})

    def summary(self) -> str:
        """What the top customers brought, and what share of customers brought half of revenue."""
        brought = _("The top {top} of customers brought {share} of revenue {evidence}.").format(
            top=language.stated_share(self.top), share=self.top_share.text(), evidence=self.top_share.evidence()
        )
        half = _("Half of it came from {share} of customers {evidence}.").format(
            share=self.half.text(), evidence=self.half.evidence()
        )
        negatives = ngettext(
            "One customer whose refunds exceed the purchases counts as zero.",
            "{n} customers whose refunds exceed their purchases count as zero.",
            self.negatives,
        ).format(n=language.number(self.negatives))
        return sentences(brought, half, negatives if self.negatives else "")


def concentration(revenue, *, top: float = 0.20, unit: str = "", confidence_level: float = 0.95) -> Concentration:
    """Concentration of revenue: top share, customers needed for half, Gini index; see `crmlab.lorenz`.

    Parameters
    ----------
    revenue
        Net revenue of each customer, at least one of them above zero. Below zero counts as zero.
    top
        Share of customers to look at, between 0 and 1.

    Raises
    ------
    ValueError
        If `top` does not lie between 0 and 1, or `revenue` is empty, not finite, or above zero for nobody.

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
    top_label = _("share of revenue from the top {top} of customers").format(top=language.stated_share(top))
    positions = np.round(np.linspace(0, n, min(n + 1, CURVE_POINTS - 1)))
    positions = np.unique(np.append(positions, round(top * n, 9)))
    return Concentration(
        curve=pd.DataFrame(
            {"customer_share": positions / n, "revenue_share": np.interp(positions, np.arange(n + 1), reached)}
        ),
        top=top,
        top_share=lorenz.top_share(scaled, top=top, label=top_label, **level),
        gini=lorenz.gini_index(scaled, label=_("Gini index of revenue"), **level),
        half=lorenz.customers_needed(
            scaled, share=0.5, label=_("share of customers who brought half of revenue"), **level
        ),
        eighty=lorenz.customers_needed(
            scaled, share=0.8, label=_("share of customers who brought 80% of revenue"), **level
        ),
        n=n,
        total=total,
        negatives=int((given < 0).sum()),
        unit=unit,
    )


def repeat_share(customers: pd.DataFrame, *, confidence_level: float = 0.95) -> Estimate:
    """Share of customers who bought again after their first day of purchase, with Wilson's interval.

    Parameters
    ----------
    customers
        One row per customer with `frequency`, the purchases after the first.
    """
    frequency = required_columns(customers, ("frequency",))["frequency"]
    label = _("share of customers who bought again")
    return intervals.wilson(int((frequency > 0).sum()), len(frequency), label=label, confidence_level=confidence_level)


def metrics(
    customers: pd.DataFrame, concentration: Concentration, repeat_share: Estimate | None = None
) -> dict[str, Estimate]:
    """What a run publishes of a customer base, by the names that the index and the diagnosis read.

    Parameters
    ----------
    customers
        One row per customer: `revenue`, net of refunds.
    concentration, repeat_share
        As the functions of these names give them.
    """
    frame = required_columns(customers, ("revenue",))
    n, unit = len(frame), concentration.unit
    name = f"top_{round(100 * concentration.top, 6):g}_percent_share"
    published = {
        "customers": intervals.count(n, "customers", _("customers")),
        "revenue": Estimate(
            float(frame["revenue"].sum()),
            None,
            None,
            unit,
            n,
            _("revenue, net of refunds"),
            no_interval=intervals.FULL_COUNT,
        ),
        name: concentration.top_share,
        "gini": concentration.gini,
    }
    return published if repeat_share is None else published | {"repeat_share": repeat_share}
