"""Whether a default model holds for customers who came later than those it was fitted to."""

from collections.abc import Mapping, Sequence

import pandas as pd

from crmlab.absence import FitError
from crmlab.credit.probability_check import ProbabilityCheck, probability_check
from crmlab.credit.scorecard import default_model, with_features

_NOBODY = "too few customers have been observed for long enough to test a model on later ones"


def out_of_time_check(
    outcomes: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    features: Mapping[str, str | Sequence[str]] | None = None,
    window_months: float = 12,
    held_out_share: float = 0.3,
    bands: int = 5,
    confidence_level: float = 0.95,
    **options,
) -> ProbabilityCheck:
    """The model fitted to earlier customers, held against later ones.

    Customers are ordered by the day of their first instalment; the last `held_out_share` of them are foretold from the
    others. Those of one day stay together.

    Parameters
    ----------
    options
        As of `default_model`.
    outcomes, customers, features, window_months
        As of `scorecard.default_model`.
    held_out_share
        Share of the customers to be foretold, between 0 and 1.
    bands
        Groups of equal size by probability, over which forecast and fact are compared.

    Raises
    ------
    FitError
        If there are no customers on one side.
    ValueError
        If `held_out_share` does not lie between 0 and 1, or `outcomes` or `customers` lack a column.
    """
    if not 0 < held_out_share < 1:
        raise ValueError(f"`held_out_share` must lie between 0 and 1, got {held_out_share}")
    known = outcomes[outcomes["observed"]]
    if not len(known):
        raise FitError(_NOBODY)
    split = known["first_due_on"].sort_values().iloc[min(int((1 - held_out_share) * len(known)), len(known) - 1)]
    earlier, later = known[known["first_due_on"] < split], known[known["first_due_on"] >= split]
    later = with_features(later, customers)
    model = default_model(earlier, customers, features=features, window_months=window_months, **options)
    if not model.n or not len(later):
        raise FitError(_NOBODY)
    foretold = model.probabilities(later)
    return probability_check(later["default"], foretold, bands=bands, confidence_level=confidence_level)
