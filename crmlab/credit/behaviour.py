"""How customers pay, and who has come to default.

Both start from `aggregate.payment_summary`, one row per customer.
"""

from dataclasses import dataclass

import pandas as pd

from crmlab import intervals, language
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.ratios import ratio_of_sums
from crmlab.segments import required_columns

# English in every frame; translated where they are shown
AGEING_BANDS = {
    "overdue_1_30": N_("1 to 30 days"),
    "overdue_31_60": N_("31 to 60 days"),
    "overdue_61_90": N_("61 to 90 days"),
    "overdue_over_90": N_("over 90 days"),
}
_NEEDED = (
    "customer_id", "due", "judged", "on_time", "dated", "days_past_due", "days_to_pay", "due_amount", "overdue_amount",
    "to_come_amount", "in_default",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class PaymentBehaviour:
    """How the customers pay, taken together. Shares are fractions; intervals take the customers as the sample.

    Attributes
    ----------
    on_time_share
        Of the instalments that can be judged; higher is better. None, as the next two, where there are none.
    payment_cycle
        Mean days from due to paid, of instalments that were paid; below zero is early.
    days_past_due
        Mean days late, open instalments with the days so far.
    overdue_share
        Of the amounts due so far, what is overdue; None where nothing was due.
    default_rate
        Share of customers in default within the window, of those observed for all of it; None if there are none.
    overdue, to_come
        Amounts open: past due, which is the exposure at risk, and not yet due. Money; full counts.
    ageing
        Overdue `amount` and `customers` by `band` of days.
    in_default
        Customers in default now.
    """

    on_time_share: Estimate | None
    payment_cycle: Estimate | None
    days_past_due: Estimate | None
    overdue_share: Estimate | None
    default_rate: Estimate | None
    overdue: Estimate
    to_come: Estimate
    ageing: pd.DataFrame
    n: int
    in_default: int

    def estimates(self) -> dict[str, Estimate]:
        """Those that there are, by the names under which a run publishes them."""
        every = {
            "on_time_share": self.on_time_share,
            "payment_cycle_days": self.payment_cycle,
            "days_past_due": self.days_past_due,
            "overdue_share": self.overdue_share,
            "default_rate": self.default_rate,
            "overdue_amount": self.overdue,
            "to_come_amount": self.to_come,
        }
        return {name: estimate for name, estimate in every.items() if estimate is not None}

    def table(self) -> pd.DataFrame:
        """One row per measure."""
        found = self.estimates().values()
        return pd.DataFrame({"measure": [each.label for each in found], "estimate": list(found)})

    def summary(self) -> str:
        """The share paid on time, what is overdue, and how many customers are in default."""
        if self.on_time_share is None:
            return _("No instalment can be judged yet: none has been paid or is overdue.")
        paid = _("Customers paid {share} of their instalments on time {evidence}.").format(
            share=self.on_time_share.text(), evidence=self.on_time_share.evidence()
        )
        values = {"overdue": self.overdue.text(), "n": language.number(self.in_default)}
        if self.overdue.value == 0:
            return sentences(paid, _("Nothing is overdue."))
        values |= {"share": self.overdue_share.text(), "evidence": self.overdue_share.evidence()}
        overdue = ngettext(
            "{overdue} is overdue, {share} of what was due so far {evidence}; {n} customer is in default.",
            "{overdue} is overdue, {share} of what was due so far {evidence}; {n} customers are in default.",
            self.in_default,
        ).format(**values)
        return sentences(paid, overdue)


def payment_behaviour(
    payments: pd.DataFrame, *, currency: str = "", window_months: float = 12, confidence_level: float = 0.95
) -> PaymentBehaviour:
    """On-time share, days past due, amounts overdue and defaults, with customers as the sample.

    Parameters
    ----------
    payments
        As `aggregate.payment_summary` makes it.
    window_months
        Months from a first instalment within which a default counts for the default rate; see `default_outcomes`.

    Raises
    ------
    ValueError
        If there are no customers, `payments` lack a column, or `window_months` is not above 0.
    """
    frame = required_columns(payments, _NEEDED)
    n, level = len(frame), confidence_level

    def ratio(over: str, under: str, label: str, **options) -> Estimate | None:
        rows = frame[frame[under] > 0]
        if rows.empty:
            return None
        return ratio_of_sums(rows[over], rows[under], label=label, confidence_level=level, **options)

    def total(column: str, label: str) -> Estimate:
        value = float(frame[column].sum())
        return Estimate(value, None, None, currency, n, label, no_interval=intervals.FULL_COUNT)

    outcomes = default_outcomes(payments, window_months=window_months)
    rate_label = _("customers in default within {horizon} of their first instalment").format(
        horizon=language.quantity(window_months, "months")
    )
    observed = outcomes.loc[outcomes["observed"], "default"]
    ageing = [
        (band, float(payments[name].sum()), int((payments[name] > 0).sum())) for name, band in AGEING_BANDS.items()
    ]
    return PaymentBehaviour(
        on_time_share=ratio("on_time", "judged", _("instalments paid on time"), scale="log_odds"),
        payment_cycle=ratio("days_to_pay", "dated", _("days from due to paid"), unit="days"),
        days_past_due=ratio(
            "days_past_due", "judged", _("days past due, open instalments so far"), unit="days", scale="log"
        ),
        overdue_share=ratio("overdue_amount", "due_amount", _("overdue, of what was due"), scale="log_odds"),
        default_rate=intervals.wilson(int(observed.sum()), len(observed), label=rate_label, confidence_level=level)
        if len(observed)
        else None,
        overdue=total("overdue_amount", _("overdue amount (exposure at risk)")),
        to_come=total("to_come_amount", _("amount not yet due")),
        ageing=pd.DataFrame(ageing, columns=["band", "amount", "customers"]),
        n=n,
        in_default=int(frame["in_default"].sum()),
    )


def default_outcomes(payments: pd.DataFrame, *, window_months: float = 12) -> pd.DataFrame:
    """Who came to default within a window from the first instalment, of those observed for all of it.

    Whoever has been a customer for less is left out, defaulted or not: counting the early defaults of young customers,
    but not yet their good ones, would make the rate too high; counting them as good, too low.

    Parameters
    ----------
    payments
        As `aggregate.payment_summary` makes it.
    window_months
        Months from the first instalment within which a default counts.

    Returns
    -------
    DataFrame
        `customer_id`, `first_due_on`, `months_observed`, `months_to_default` (empty without one), `observed` for the
        whole window, `default` within it.

    Raises
    ------
    ValueError
        If `window_months` is not above 0, there are no customers, or `payments` lack a column.
    """
    if not window_months > 0:
        raise ValueError(f"`window_months` must be above 0, got {window_months}")
    names = ("customer_id", "first_due_on", "months_observed")
    frame = required_columns(payments, names).assign(months_to_default=payments["months_to_default"])
    observed = frame["months_observed"] >= window_months
    return frame.assign(observed=observed, default=frame["months_to_default"] <= window_months)


def utilisation(
    payments: pd.DataFrame, customers: pd.DataFrame, *, limit: str, label: str = "", confidence_level: float = 0.95
) -> Estimate | None:
    """Exposure as a ratio of what the customers can bear: a credit limit, or their registered capital.

    Only customers with a limit above zero count; None where there are none.

    Parameters
    ----------
    payments
        As `aggregate.payment_summary` makes it.
    customers
        One row per customer: `customer_id` and the column `limit`, in the currency of the payments.

    Returns
    -------
    Estimate or None
        The sum of exposures over that of the limits: above 1 more is open than they can bear.

    Raises
    ------
    ValueError
        If `customers` lack the column `limit`, or `payments` a column.
    """
    frame = required_columns(payments, ("customer_id", "exposure"))
    if limit not in customers:
        raise ValueError(f"`customers` must have the column {limit}; it has {', '.join(map(str, customers))}")
    limits = frame["customer_id"].map(customers.set_index("customer_id")[limit])
    known = limits > 0
    if not known.any():
        return None
    label = label or _("exposure as a share of what customers can bear")
    return ratio_of_sums(
        frame.loc[known, "exposure"], limits[known], label=label, scale="log", confidence_level=confidence_level
    )
