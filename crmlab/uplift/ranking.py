r"""What is expected of each customer with the programme and without it, by models that have not seen the customer.

A model of what customers bring with the programme and one of what they bring without it (a T-learner of ridge
regressions) are fitted to four fifths of the customers and asked for the difference in the last fifth, five times over.
They are judged by scores whose mean over any group of customers is the effect in it, whatever the models are worth:

.. math:: \psi_i = \hat\mu_1 - \hat\mu_0 + \frac{D_i (y_i - \hat\mu_1)}{e} - \frac{(1 - D_i)(y_i - \hat\mu_0)}{1 - e}

References
----------
Künzel, Sekhon, Bickel and Yu (2019), Metalearners for estimating heterogeneous treatment effects using machine
learning, PNAS 116, 4156-4165.
Chernozhukov and others (2018), Double/debiased machine learning for treatment and structural parameters, Econometrics
Journal 21, C1-C68.
"""

import numpy as np
import pandas as pd

from crmlab.absence import FitError
from crmlab.uplift.cells import outcome_of

FOLDS = 5
FEWEST_OF_ARM = 100
_FEWEST_OF_LEVEL = 30
# spans of months before the first start whose means the models see
_SPANS = (3, 6, 12, 24)
_PENALTIES = np.logspace(-2, 5, 15)


def arms(panel, outcome: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Customers there at the first start, whether they were reached, what they brought a month since, and features.

    Months count from the last start on, so that all who were reached are compared over the same months.

    Raises
    ------
    FitError
        Where nobody was reached for a whole month, or fewer than 100 customers were, or were not; or the transactions
        do not tell the outcome.
    """
    values, who, length = outcome_of(panel, outcome), panel.customers, len(panel.months)
    start, entry = who["start"].to_numpy(), who["entry"].to_numpy()
    if not (start < length).any():
        raise FitError("the programme has reached nobody for a whole month yet")
    first, last = int(start[start < length].min()), int(start[start < length].max())
    after = [month for month in range(last, length) if panel.observed[month]]
    seen = np.flatnonzero((entry <= first) & (start >= first))
    treated = start[seen] < length
    fewest = min(int(treated.sum()), int((~treated).sum()))
    if fewest < FEWEST_OF_ARM:
        raise FitError(
            f"a ranking takes {FEWEST_OF_ARM} customers whom the programme reached and as many whom it did not, there "
            f"are {fewest} of one kind"
        )
    rows = values[seen]
    y = np.asarray(rows[:, after].mean(axis=1)).ravel()
    before = int(who.loc[(start < length), "before"].min())
    return seen, treated, y, _features(rows, entry[seen], before, panel.observed)


def _features(rows, entry: np.ndarray, before: int, observed: np.ndarray) -> np.ndarray:
    """What was known of each customer before the first start: means of past months, months with anything, age."""
    columns, ever = [], rows != 0
    for span in _SPANS:
        months = [month for month in range(max(before - span + 1, 0), before + 1) if observed[month]]
        lasted = np.clip(before - np.maximum(entry, before - span + 1) + 1, 1, None)
        columns += [np.asarray(each[:, months].sum(axis=1)).ravel() / lasted for each in (rows, ever)]
    age = np.clip(before - entry + 1, 0, None)
    columns += [np.log1p(age), age < 1]
    return np.column_stack(columns).astype(float)


def levels_of(customer_ids: pd.Series, profiles: pd.DataFrame, features: tuple[str, ...]) -> np.ndarray:
    """Columns of zeros and ones, one for each value of the profiles' columns but the commonest.

    Values of fewer than 30 customers have no column.

    Raises
    ------
    FitError
        If `profiles` lacks `customer_id` or one of the features.
    """
    missing = [name for name in ("customer_id", *features) if name not in profiles]
    if missing:
        raise FitError(f"`profiles` must have the columns customer_id and {', '.join(features)}; missing: {missing[0]}")
    known = profiles.drop_duplicates("customer_id").set_index("customer_id").reindex(customer_ids)
    columns = []
    for name in features:
        text = known[name].astype(object).where(known[name].notna(), "").astype(str).to_numpy()
        levels, counts = np.unique(text, return_counts=True)
        # levels of few customers say nothing that lasts; the commonest is what the others are held against
        kept = (counts >= _FEWEST_OF_LEVEL) & (np.arange(len(levels)) != counts.argmax())
        columns += [(text == level).astype(float) for level in levels[kept]]
    return np.column_stack(columns) if columns else np.empty((len(customer_ids), 0))


def cross_fitted(x: np.ndarray, y: np.ndarray, treated: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The effect that is expected with each customer, and its score, by models that have not seen it.

    Both are in the unit of `y`; the mean score of any group estimates the effect in it, whatever the models are worth.
    """
    spread = x.std(axis=0)
    x = np.column_stack([np.ones(len(y)), (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)])
    means = np.empty((2, len(y)))
    for arm in (0, 1):
        parts = [np.flatnonzero((treated == bool(arm)) & (fold == each)) for each in range(FOLDS)]
        sums = [(x[part].T @ x[part], x[part].T @ y[part], y[part] @ y[part]) for part in parts]
        for each in range(FOLDS):
            held_out = fold == each
            means[arm, held_out] = x[held_out] @ _ridge([sums[other] for other in range(FOLDS) if other != each])
    share = treated.mean()
    effect = means[1] - means[0]
    score = effect + np.where(treated, (y - means[1]) / share, -(y - means[0]) / (1 - share))
    return effect, score


def _ridge(sums: list[tuple]) -> np.ndarray:
    """Coefficients of a ridge regression, with the penalty by which the other folds foretell each one best."""
    errors = []
    for penalty in _PENALTIES:
        error = 0.0
        for each, (xx, xy, yy) in enumerate(sums):
            fitted = _solved([rest for place, rest in enumerate(sums) if place != each], penalty)
            error += yy - 2 * fitted @ xy + fitted @ xx @ fitted
        errors.append(error)
    return _solved(sums, _PENALTIES[int(np.argmin(errors))])


def _solved(sums: list[tuple], penalty: float) -> np.ndarray:
    xx, xy = sum(each[0] for each in sums), sum(each[1] for each in sums)
    weights = np.full(len(xy), penalty)
    weights[0] = 0.0  # the mean is not drawn to zero
    return np.linalg.solve(xx + np.diag(weights), xy)
