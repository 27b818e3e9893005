"""What a validation foretold, with what the customers were worth then: on it a contact threshold is tried."""

import pandas as pd

from crmlab.churn.staying import Durations, contract_values
from crmlab.churn.validation import ChurnValidation


def foretold_with_values(check: ChurnValidation, data, durations: Durations | None = None, **terms) -> pd.DataFrame:
    """Chances as they were foretold, outcomes, and values at that time, as `contact.contact_threshold` takes them.

    Parameters
    ----------
    data
        As `aggregate.hazard_data` makes it; what `check` was made from.
    durations, terms
        As `staying.contract_values` takes them.

    Returns
    -------
    DataFrame
        `customer_id`, `probability`, `left`, `value`, and `fold`, the cut-off.

    Raises
    ------
    FitError
        If the contracts have no value.
    """
    then = [fold.customers.assign(cut_off=fold.cut_off) for fold in data.folds]
    then = pd.concat(then if check.out_of_time else [data.last_period.assign(cut_off=None)], ignore_index=True)
    worth = contract_values(then, durations, **terms).assign(cut_off=then["cut_off"])
    keys = ["customer_id", "cut_off"] if check.out_of_time else ["customer_id"]
    found = check.predictions.merge(worth[[*keys, "clv"]], on=keys, how="left", validate="1:1")
    found = found.rename(columns={"clv": "value", "cut_off": "fold"})
    return found[["customer_id", "probability", "left", "value", "fold"]]
