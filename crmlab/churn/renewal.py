"""Renewal rate: of the contract terms that came to an end, the share that was renewed."""

from typing import Any

import numpy as np
import pandas as pd

from crmlab.absence import FitError
from crmlab.intervals import Estimate
from crmlab.messages import _
from crmlab.ratios import ratio_of_sums


def renewal_rate(renewals: pd.DataFrame, *, confidence_level: float = 0.95) -> Estimate:
    """Share of terms renewed, 0 to 1; the customers are the sample, each with all its terms.

    Unlike the retention rate it is told per term, however long terms are.

    Parameters
    ----------
    renewals
        What `aggregate.contract_renewals` gives: `renewed`, `ended`, `customers`.

    Raises
    ------
    FitError
        If no term ended, or none was renewed: contracts whose end says that the customer left know no renewal.
    """
    renewed, ended = (np.repeat(renewals[name], renewals["customers"]) for name in ("renewed", "ended"))
    if not renewed.sum():
        raise FitError(_("no contract is marked as renewed or followed by another one"))
    label = _("share of contract terms that were renewed")
    level: dict[str, Any] = {"confidence_level": confidence_level}
    return ratio_of_sums(renewed, renewed + ended, label=label, scale="log_odds", **level)


def renewal_summary(rate: Estimate) -> str:
    """The rate as a sentence.

    Parameters
    ----------
    rate
        As `renewal_rate` gives it.
    """
    return _("Of the contract terms that came to an end, {rate} were renewed {evidence}.").format(
        rate=rate.text(), evidence=rate.evidence()
    )
