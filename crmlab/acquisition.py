r"""What it costs to win a customer: by channel, by month, and in all.

Cost per customer won (CAC) is what was spent over how many were won with it. A channel's interval takes its periods as
the sample, so that it holds whether spend follows the customers won or they follow the spend; see `crmlab.ratios`. One
period alone has no other to compare with: its customers are taken as Poisson given the spend, and

.. math:: \left[\frac{S}{\chi^2_{1 - \alpha/2}(2N + 2) / 2}, \frac{S}{\chi^2_{\alpha/2}(2N) / 2}\right]

is exact. So is a channel with fewer than ten periods treated.

References
----------
Garwood (1936), Fiducial limits for the Poisson distribution, Biometrika 28, 437-442.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from crmlab import language
from crmlab.groups import NOT_KNOWN, OTHERS, in_order, named, too_small
from crmlab.intervals import Estimate, z_score
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.ratios import FEWEST, ratio_of_sums

NOT_RECORDED = N_("the data do not say how many customers were won with the spend")
NONE_WON = N_("no customer was won with the spend")
NOTHING_SPENT = N_("nothing was spent")


@dataclass(frozen=True, eq=False)
class AcquisitionCost:
    """Cost per customer won, in money of `unit`; lower is better.

    Attributes
    ----------
    total
        Over all channels; None where it cannot be told, and `reason` says why.
    channels
        One row per channel, the largest spend first: `group`, `amount` spent, `new_customers`, `cac` (estimate, None
        where no customer was won).
    months
        The same by `month` (its first day), all channels together.
    left_out
        Rows that do not say how many customers were won; their spend counts nowhere.
    """

    formats: ClassVar[dict[str, str]] = {"amount": "money", "new_customers": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Channel"),
        "month": N_("Month"),
        "amount": N_("Spent"),
        "new_customers": N_("Customers won"),
        "cac": N_("Cost per customer won"),
    }

    total: Estimate | None
    channels: pd.DataFrame
    months: pd.DataFrame
    reason: str
    left_out: int
    unit: str

    def table(self) -> pd.DataFrame:
        """`channels`, with the names given here in the language that is spoken."""
        return self.channels.assign(group=named(self.channels["group"]))

    def summary(self) -> str:
        """The cost of a customer won with its interval, and the dearest and cheapest channel if they differ."""
        if self.total is None:
            return _("The cost of winning a customer cannot be told: {reason}.").format(reason=_(self.reason))
        cost = _("Winning a customer cost {cac} {evidence}.").format(
            cac=self.total.text(), evidence=self.total.evidence()
        )
        left_out = ngettext(
            "One row of spend does not say how many customers it won, and is left out.",
            "{n} rows of spend do not say how many customers they won, and are left out.",
            self.left_out,
        ).format(n=language.number(self.left_out))
        return sentences(cost, self._spread(), left_out if self.left_out else "")

    def _spread(self) -> str:
        known = self.channels[[cac is not None and cac.low is not None for cac in self.channels["cac"]]]
        if len(known) < 2:
            return ""
        values = pd.Series([cac.value for cac in known["cac"]], known.index)
        dear, cheap = known.loc[values.idxmax()], known.loc[values.idxmin()]
        if dear["cac"].low <= cheap["cac"].high:
            return _("Between channels, no difference can be told.")
        names = named(known["group"])
        message = _(
            "{dear} is the dearest channel: {high} {high_evidence}; {cheap} the cheapest: {low} {low_evidence}."
        )
        return message.format(
            dear=names[values.idxmax()],
            high=dear["cac"].text(),
            high_evidence=dear["cac"].evidence(),
            cheap=names[values.idxmin()],
            low=cheap["cac"].text(),
            low_evidence=cheap["cac"].evidence(),
        )


def acquisition_cost(spend: pd.DataFrame, *, unit: str = "", confidence_level: float = 0.95) -> AcquisitionCost:
    """Cost per customer won, by channel, by month and in all.

    Parameters
    ----------
    spend
        One row per period and channel: `date`, `amount`, `new_customers`, and `channel` where it is known. Channels
        that won too few customers to be shown make up "Others".

    Raises
    ------
    ValueError
        If `spend` lacks `date` or `amount`, or `confidence_level` does not lie between 0 and 1.
    """
    missing = [name for name in ("date", "amount") if name not in spend]
    if missing:
        raise ValueError(f"`spend` must have the columns date and amount; missing: {', '.join(missing)}")
    z_score(confidence_level)
    won = spend["new_customers"] if "new_customers" in spend else pd.Series(float("nan"), spend.index)
    frame = pd.DataFrame(
        {
            "month": pd.to_datetime(spend["date"]).dt.to_period("M").dt.to_timestamp(),
            "group": spend["channel"].fillna(NOT_KNOWN).astype(str) if "channel" in spend else NOT_KNOWN,
            "amount": spend["amount"].astype(float),
            "new_customers": pd.to_numeric(won).astype(float),
        }
    )
    known = frame.dropna()
    small = too_small(known["new_customers"].groupby(known["group"]).sum())
    known = known.assign(group=known["group"].mask(known["group"].isin(small), OTHERS))
    label = _("cost of winning a customer")
    options: dict[str, Any] = {"unit": unit, "label": label, "confidence_level": confidence_level}
    channels = [(*_sums(name, part), _over_periods(part, **options)) for name, part in known.groupby("group")]
    months = [(*_sums(month, part), _poisson(part, **options)) for month, part in known.groupby("month")]
    columns = ["amount", "new_customers", "cac"]
    reason = "" if len(known) else NOT_RECORDED
    if not reason and known["amount"].sum() == 0:
        reason = NOTHING_SPENT
    if not reason and known["new_customers"].sum() == 0:
        reason = NONE_WON
    return AcquisitionCost(
        None if reason else _over_periods(known, **options),
        in_order(pd.DataFrame(channels, columns=["group", *columns]), "amount"),
        pd.DataFrame(months, columns=["month", *columns]),
        reason,
        len(frame) - len(known),
        unit,
    )


def _sums(name, part: pd.DataFrame) -> tuple:
    return name, float(part["amount"].sum()), int(part["new_customers"].sum())


def _over_periods(part: pd.DataFrame, *, unit: str, label: str, confidence_level: float) -> Estimate | None:
    """Cost per customer with the months as the sample; `n` is how many customers were won."""
    months = part.groupby("month")[["amount", "new_customers"]].sum()
    won = int(months["new_customers"].sum())
    if len(months) < FEWEST or won == 0 or months["amount"].sum() == 0:
        return _poisson(part, unit=unit, label=label, confidence_level=confidence_level)
    found = ratio_of_sums(
        months["amount"],
        months["new_customers"],
        unit=unit,
        label=label,
        scale="log",
        confidence_level=confidence_level,
    )
    return Estimate(
        found.value, found.low, found.high, unit, won, label, confidence_level, no_interval=found.no_interval
    )


def _poisson(part: pd.DataFrame, *, unit: str, label: str, confidence_level: float) -> Estimate | None:
    """Cost per customer with an exact interval for customers who are Poisson given the spend; None without any."""
    from scipy import stats

    spent, won = float(part["amount"].sum()), int(part["new_customers"].sum())
    if won == 0:
        return None
    if spent == 0:
        return Estimate(0.0, None, None, unit, won, label, confidence_level, no_interval=NOTHING_SPENT)
    tail = (1 - confidence_level) / 2
    most, least = stats.chi2.ppf(1 - tail, 2 * won + 2) / 2, stats.chi2.ppf(tail, 2 * won) / 2
    return Estimate(spent / won, spent / most, spent / least, unit, won, label, confidence_level)
