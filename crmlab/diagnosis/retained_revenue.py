"""What today's customers will bring over the term of a loan, month by month; customers still to be won do not count."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab.absence import FitError
from crmlab.diagnosis.revenue_sources import ContractRevenue, PurchaseRevenue, Simulated
from crmlab.intervals import Estimate
from crmlab.likelihood import prediction, prediction_bounds
from crmlab.messages import N_, _, ngettext, sentences

YEAR = 12  # months
LARGEST = (1, 5, 10)


@dataclass(frozen=True, eq=False)
class RetainedRevenue:
    """Revenue of today's customers over the months ahead.

    Attributes
    ----------
    path
        One row per month: `month` from 1 on, what is expected of each source (`contracts`, `purchases`), `expected` of
        all, and `low` to `high`, in which it will fall at the confidence level of `total`; in currency, not discounted.
    total
        Over all months; as of all estimates here, the interval is one for what will come (a prediction interval).
    second_year
        What the second year is expected to bring, as a share of the first.
    largest
        Of all that is expected, the share of the 1, 5 and 10 largest customers, as far as there are so many.
    customers
        With a contract or purchases.
    months
        How far `path` looks ahead.
    """

    labels: ClassVar[dict[str, str]] = {
        "year": N_("Year of the loan"), "months": N_("Months"), "contracts": N_("Contracts"),
        "purchases": N_("Purchases"), "revenue": N_("Retained revenue"),
    }  # fmt: skip
    formats: ClassVar[dict[str, str]] = {
        "year": "integer",
        "months": "integer",
        "contracts": "money",
        "purchases": "money",
    }

    path: pd.DataFrame
    total: Estimate
    second_year: Estimate
    largest: dict[int, Estimate]
    customers: int
    months: int
    _simulated: tuple[Simulated, ...] = field(repr=False)

    @property
    def unit(self) -> str:
        """Currency of the revenue (ISO 4217)."""
        return self.total.unit

    def futures(self, churn: float = 1.0, lost: int = 0) -> np.ndarray:
        """Revenue in each simulated future (rows) and month (columns), in currency, not discounted.

        Parameters
        ----------
        churn
            How many times today's chances to leave, 1 or more.
        lost
            How many of the ten largest customers leave at once.

        Raises
        ------
        ValueError
            If `churn` is below 1 or `lost` is not from 0 to 10.
        """
        if not churn >= 1 or not 0 <= lost <= max(LARGEST):
            raise ValueError(f"`churn` must be 1 or more and `lost` 0 to {max(LARGEST)}, got {churn} and {lost}")
        found = sum(simulated(churn)[:, : self.months, lost:].sum(axis=2) for simulated in self._simulated)
        return np.asarray(found)

    def table(self) -> pd.DataFrame:
        """One row per year, the last perhaps shorter: what each source brings, and all of them with interval."""
        years = (self.path["month"].to_numpy() - 1) // YEAR
        futures, rows = self.futures(), []
        for year in np.unique(years):
            of_year = self.path[years == year]
            revenue = prediction(
                float(of_year["expected"].sum()), futures[:, years == year].sum(axis=1), unit=self.unit,
                n=self.customers, label=_("retained revenue"), confidence_level=self.total.confidence_level,
            )  # fmt: skip
            sums = {name: float(of_year[name].sum()) for name in ("contracts", "purchases") if name in self.path}
            rows.append({"year": int(year) + 1, "months": len(of_year)} | sums | {"revenue": revenue})
        return pd.DataFrame(rows)

    def metrics(self) -> dict[str, Estimate]:
        """By the names under which a run publishes them."""
        return {"retained_revenue": self.total, "second_year_revenue": self.second_year}

    def summary(self) -> str:
        """What is expected, of which sources, and how it falls."""
        counted = _("Contracts and purchases are counted; customers still to be won are not.")
        if "purchases" not in self.path:
            counted = _("Only contracts are counted; customers still to be won are not.")
        elif "contracts" not in self.path:
            counted = _("Only purchases are counted; customers still to be won are not.")
        message = ngettext(
            "Today’s customers should bring revenue of {total} {evidence} over the next month.",
            "Today’s customers should bring revenue of {total} {evidence} over the next {months} months.",
            self.months,
        )
        total = message.format(total=self.total.text(), evidence=self.total.evidence(), months=self.months)
        later = _("The second year should bring {share} {evidence} of the first.").format(
            share=self.second_year.text(), evidence=self.second_year.evidence()
        )
        return sentences(total, later, counted)


def retained_revenue(
    *sources: ContractRevenue | PurchaseRevenue | None,
    currency: str,
    months: int = 36,
    confidence_level: float = 0.95,
) -> RetainedRevenue:
    """What today's customers bring, from one source or the sum of both.

    Parameters
    ----------
    sources
        What `contract_revenue` and `purchase_revenue` gave, for `months` and with as many draws each; None for one that
        there is not.

    Raises
    ------
    FitError
        If there is no source, or nothing is expected of them.
    ValueError
        If the sources look less far ahead than `months`, or have different numbers of draws.
    """
    found = [source for source in sources if source is not None]
    if not found:
        raise FitError(_("neither contracts nor purchases can be projected"))
    if len({(source.months, source.draws) for source in found}) > 1 or found[0].months < months:
        raise ValueError(f"the sources must look {months} months ahead, with as many draws each")
    every = pd.concat([source.customers for source in found]).groupby("customer_id")["expected"].sum()
    by_month = {source.name: source.by_month for source in found}
    expected = np.sum(list(by_month.values()), axis=0)
    if not expected[0] > 0:
        raise FitError(_("no revenue is expected of today’s customers"))
    # the largest each by itself, then all the others
    top = every.sort_values(ascending=False, kind="stable").index[: max(LARGEST)]
    slots = max(LARGEST) + 1
    simulated = tuple(source.simulated(_slot(source.customers["customer_id"], top, slots), slots) for source in found)
    base = np.asarray(sum(future(1.0) for future in simulated))
    months_ahead, futures = base.sum(axis=2), base[:, :months].sum(axis=1)
    path = pd.DataFrame({"month": np.arange(1, months + 1)})
    path = path.assign(**{name: sums[:months] for name, sums in by_month.items()}, expected=expected[:months])
    low, high = prediction_bounds(months_ahead[:, :months], confidence_level)
    path["low"], path["high"] = np.minimum(low, path["expected"]), np.maximum(high, path["expected"])
    shown: dict[str, Any] = {"n": len(every), "confidence_level": confidence_level}
    return RetainedRevenue(
        path,
        prediction(
            float(path["expected"].sum()), futures.sum(axis=1), unit=currency, label=_("retained revenue"), **shown
        ),
        _ratio(expected[YEAR : 2 * YEAR].sum(), expected[:YEAR].sum(), months_ahead[:, YEAR : 2 * YEAR].sum(axis=1),
               months_ahead[:, :YEAR].sum(axis=1), _("revenue of the second year as a share of the first"), shown),
        {
            k: _ratio(every[top[:k]].sum(), every.sum(), base[:, :, :k].sum(axis=(1, 2)), months_ahead.sum(axis=1),
                      _largest(k), shown)
            for k in LARGEST
            if k <= len(every)
        },
        len(every),
        int(months),
        simulated,
    )  # fmt: skip


def _slot(customer_ids: pd.Series, top: Sequence, slots: int) -> np.ndarray:
    place = pd.Index(top).get_indexer(customer_ids)
    return np.where(place < 0, slots - 1, place)


def _ratio(part: float, whole: float, parts: np.ndarray, wholes: np.ndarray, label: str, shown: dict) -> Estimate:
    """A share of what is expected, with the interval of what it will be; of nothing, nothing."""
    drawn = np.divide(parts, wholes, out=np.zeros_like(parts), where=wholes > 0)
    return prediction(float(part / whole), drawn, unit="share", label=label, **shown)


def _largest(k: int) -> str:
    return ngettext(
        "share of retained revenue from the largest customer",
        "share of retained revenue from the {k} largest customers",
        k,
    ).format(k=k)
