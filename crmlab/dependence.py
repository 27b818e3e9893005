"""What each customer contributes to revenue and margin, and how much of both hangs on a few.

What single customers hold, and what hangs on the largest, is counted in full: it speaks of these customers alone. The
largest of a sample says little of the largest of another, and the Herfindahl-Hirschman index, a sum of squares, hardly
more where a few are very large: simulated with 500 customers of lognormal revenue (sigma 1), 95% intervals by the delta
method held the truth 79% of the time.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import language, lorenz
from crmlab.intervals import FULL_COUNT, Estimate
from crmlab.messages import _, sentences
from crmlab.segments import required_columns


@dataclass(frozen=True, eq=False)
class Dependence:
    """How much of revenue hangs on the largest customers; the more, the more is lost with one of them.

    Attributes
    ----------
    customers
        The largest first: `rank`, `customer_id`, `revenue`, `revenue_share`, and where it is known `margin` and
        `margin_share`; a share is a fraction of the sum of all, NaN where that is not above zero.
    top
        Shares of revenue of the 1, 5 and 10 largest, as far as there are so many customers; full counts, without
        intervals, as is `hhi`.
    hhi
        Herfindahl-Hirschman index, from 10,000 / n (all equal) to 10,000 points (one holds all).
    """

    formats: ClassVar[dict[str, str]] = {"value": "share"}
    customers: pd.DataFrame
    top: dict[int, Estimate]
    hhi: Estimate
    unit: str

    @property
    def equal_customers(self) -> float:
        """How many customers of the same size would make the same index."""
        return 10_000 / self.hhi.value

    def metrics(self) -> dict[str, Estimate]:
        """By the names under which a run publishes them."""
        return {"top_10_share": self.top[10]} if 10 in self.top else {}

    def table(self) -> pd.DataFrame:
        """One row per share of the largest; no interval, for each is a full count."""
        rows = [(each.label, each.value, each.n) for each in self.top.values()]
        return pd.DataFrame(rows, columns=["measure", "value", "n"])

    def summary(self) -> str:
        """What the largest customers hold, and as if over how many of the same size revenue were spread."""
        k, share = list(self.top.items())[-1]
        n = language.number(share.n)
        if share.n == 1:
            return _("All revenue comes from one customer.")
        return sentences(
            _("The largest customer brought {one} of revenue, the {k} largest {share} (all {n} counted).").format(
                one=self.top[1].text(), k=k, share=share.text(), n=n
            ),
            _(
                "Revenue is spread as if over {equal} customers of the same size (Herfindahl-Hirschman index: {hhi})."
            ).format(equal=language.number(self.equal_customers), hhi=self.hhi.text()),
        )


def dependence(customers: pd.DataFrame, *, tops: tuple[int, ...] = (1, 5, 10), unit: str = "") -> Dependence:
    """Each customer's share of revenue and margin, what the largest hold, and the Herfindahl-Hirschman index.

    Parameters
    ----------
    customers
        One row per customer: `customer_id`, `revenue` net of refunds (above zero for at least one), and `margin` where
        it is known. Customers whose refunds exceed their purchases count as zero in `top` and `hhi`.
    tops
        Numbers of the largest customers whose share is told; 1 is among them.

    Raises
    ------
    ValueError
        If `customers` are none, lack a column or have an empty value, nobody brought revenue above zero, or `tops` are
        below 1 or without it.
    """
    measures = ("revenue", "margin") if "margin" in customers else ("revenue",)
    frame = required_columns(customers, ("customer_id", *measures)).copy()
    if 1 not in tops or min(tops) < 1:
        raise ValueError(f"`tops` must be numbers of customers, 1 among them, got {tops}")
    for name in measures:
        total = float(frame[name].sum())
        frame[f"{name}_share"] = frame[name] / total if total > 0 else np.nan
    frame = frame.sort_values(["revenue", "customer_id"], ascending=[False, True], ignore_index=True)
    frame.insert(0, "rank", np.arange(1, len(frame) + 1))
    frame = frame[["rank", "customer_id", *(part for name in measures for part in (name, f"{name}_share"))]]
    amounts = np.maximum(frame["revenue"].to_numpy(dtype=float), 0.0)
    if not amounts.sum() > 0:
        raise ValueError(f"`revenue` must be above zero for at least one customer, got none among {len(frame)}")
    held, n = amounts / amounts.sum(), len(frame)
    full: dict[str, Any] = {"n": n, "no_interval": FULL_COUNT}
    shares = {
        k: Estimate(float(min(held[:k].sum(), 1.0)), None, None, "share", label=_top_label(k), **full)
        for k in sorted(tops)
        if k <= n
    }
    label = _("Herfindahl-Hirschman index of revenue")
    hhi = Estimate(10_000 * float((held**2).sum()), None, None, "points", label=label, **full)
    return Dependence(frame, shares, hhi, unit)


def _top_label(k: int) -> str:
    if k == 1:
        return _("share of revenue from the largest customer")
    return _("share of revenue from the {k} largest customers").format(k=k)


def net_profit_share(customers: pd.DataFrame, *, top: float = 0.2, confidence_level: float = 0.95) -> Estimate | None:
    """Share of net profit (margin) that the most profitable `top` of customers bring; None if margin is not known.

    Customers who bring a loss count as zero.

    Parameters
    ----------
    customers
        One row per customer, with `revenue` and `margin` where it is known.

    Returns
    -------
    Estimate or None
        A share from `top` (all bring the same) to 1; None also where nobody brings a profit. See `crmlab.lorenz`.

    Raises
    ------
    ValueError
        If `top` does not lie between 0 and 1, or a margin is empty.
    """
    if not 0 < top < 1:
        raise ValueError(f"`top` must lie between 0 and 1, got {top}")
    if "margin" not in customers:
        return None
    margin = np.maximum(required_columns(customers, ("margin",))["margin"].to_numpy(dtype=float), 0.0)
    if not margin.sum() > 0:
        return None
    label = _("share of net profit from the top {top} of customers").format(top=language.stated_share(top))
    largest_first = np.sort(margin)[::-1] / margin.max()
    return lorenz.top_share(largest_first, top=top, label=label, confidence_level=confidence_level)
