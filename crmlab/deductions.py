"""What is taken off revenue before it counts as value: refunds, and the cost of what was sold."""

import numpy as np
import pandas as pd

from crmlab import intervals
from crmlab.absence import FitError
from crmlab.intervals import Estimate
from crmlab.messages import N_, _
from crmlab.segments import required_columns


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

    Raises
    ------
    FitError
        If nobody bought for more than nothing.
    ValueError
        If `refunds` are negative, or a column is missing or has an empty value.

    References
    ----------
    Cochran (1977), Sampling techniques, chapter 6 (ratio estimator).
    """
    if customers.empty:
        raise FitError(_("nobody bought for more than nothing"))
    frame = required_columns(customers, ("revenue", "refunds"))
    refunds, gross = frame["refunds"].to_numpy(float), (frame["revenue"] + frame["refunds"]).to_numpy(float)
    if (refunds < 0).any():
        raise ValueError(f"`refunds` must not be negative, got {refunds.min()}")
    if gross.sum() <= 0:
        raise FitError(_("nobody bought for more than nothing"))
    n, rate = len(frame), float(refunds.sum() / gross.sum())
    label = _("refunds as a share of gross purchases")
    if rate == 0 or n == 1:
        reason = N_("no refund in the data") if rate == 0 else N_("one customer")
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
        The one given; else the ratio of margin to revenue over all customers, with an interval between customers; else
        1, which values revenue itself.

    Raises
    ------
    FitError
        If there are no customers.
    ValueError
        If `given` is no share, or the data's margin does not add up to more than 0 and at most revenue.
    """
    label = _("margin as a share of revenue")
    n = len(customers)
    if not n:
        raise FitError(_("nobody bought for more than nothing"))
    if given is not None and not 0 <= given <= 1:
        raise ValueError(f"`given` must be a share from 0 to 1, got {given}")
    if given is not None or "margin" not in customers:
        reason = N_("the data have no margin: revenue itself is valued")
        if given is not None:
            reason = N_("stated in the parameters")
        share = 1.0 if given is None else given
        return Estimate(share, None, None, "share", n, label, confidence_level, no_interval=reason)
    revenue, margin = customers["revenue"].to_numpy(dtype=float), customers["margin"].to_numpy(dtype=float)
    share = float(margin.sum() / revenue.sum()) if revenue.sum() > 0 else np.nan
    if not 0 < share <= 1:
        raise ValueError(f"`margin` must add up to a share of revenue above 0 and up to 1, got {share:.3g}")
    if n == 1 or share == 1:
        reason = N_("one customer") if n == 1 else N_("all revenue is margin")
        return Estimate(share, None, None, "share", n, label, confidence_level, no_interval=reason)
    standard_error = float(np.sqrt(((margin - share * revenue) ** 2).sum() / (n * (n - 1))) / revenue.mean())
    return intervals.from_standard_error(
        share, standard_error, unit="share", n=n, label=label, within=(0, 1), confidence_level=confidence_level
    )


def margin_summary(margin: Estimate) -> str:
    """What the forecast counts: margin, at which share, or spend itself.

    Parameters
    ----------
    margin
        As `margin_share` gives it.
    """
    if margin.low is not None:
        return _(
            "Of revenue, {share} {evidence} is margin by the client's data; lifetime value counts that share."
        ).format(share=margin.text(), evidence=margin.evidence())
    if margin.value == 1:
        return _("Lifetime value is what customers spend, before any cost.")
    return _("Lifetime value counts {share} of spend as margin, {reason}.").format(
        share=margin.text(), reason=_(margin.no_interval)
    )


def refund_summary(refunds: Estimate) -> str:
    """What refunds take back, and that the forecast allows for it.

    Parameters
    ----------
    refunds
        As `refund_rate` gives it.
    """
    if refunds.value == 0:
        return _("There are no refunds.")
    return _(
        "Refunds took back {share} {evidence} of what was purchased; the forecast takes off the same share."
    ).format(share=refunds.text(), evidence=refunds.evidence())
