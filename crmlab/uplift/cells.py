r"""Customers of one wave of the programme, won at about the same time: how many, their mean months, their covariance.

Every estimate here is a sum over cells of the mean of some weighted months of a customer, :math:`\sum_c a_c' \bar y_c`.
Its variance, clustered by customer whatever the months have to do with one another, is
:math:`\sum_c a_c' S_c a_c / n_c`. Means and covariances of cells are therefore all that has to be kept of a million
customers.

Customers are compared with those who were won in the same band of months: what a customer brings changes with the time
since it was won, and not only because of the programme. Months count from the last month of the band on, so that within
a cell nobody is missing.
"""

from dataclasses import dataclass

import numpy as np

from crmlab.absence import FitError

# months before the first start at which a band of those won ends, where there are enough customers for several
_BANDS = (24, 12, 6)
_ENOUGH = 80
_CHUNK = 50_000


@dataclass(frozen=True, eq=False)
class Cells:
    """One entry per wave and band.

    Attributes
    ----------
    start, before
        First whole month with the programme and last one without it, counted from the first of the panel; `NEVER` for
        those whom it has not reached.
    entry
        First month that counts.
    n
        Customers.
    mean, covariance
        Of the customers' months, in the currency of the outcome and its square.
    observed
        Whether each month is whole, and in the data.
    treated_months
        Months in the programme of all customers that it reached, those in no cell too.
    treated
        Customers whom it has reached.
    """

    start: np.ndarray
    before: np.ndarray
    entry: np.ndarray
    n: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    observed: np.ndarray
    treated_months: int
    treated: int


def outcome_of(panel, outcome: str) -> np.ndarray:
    """The matrix of an outcome, customers by months, in the client's currency.

    Raises
    ------
    FitError
        Where the panel has no such outcome: `margin` needs margins or costs among the transactions.
    """
    if outcome not in panel.outcomes:
        raise FitError(f"the transactions tell no {outcome}")
    return panel.outcomes[outcome]


def cells(panel, outcome: str, *, history_months: int) -> Cells:
    """The cells of a panel.

    Parameters
    ----------
    panel
        What `crmlab.aggregate.exposure_months` gives.
    outcome
        `margin` or `revenue`.
    history_months
        Months before a start that a customer must have to be compared: bands end there.

    Raises
    ------
    FitError
        Where nobody was reached for a whole month, or the transactions do not tell the outcome.
    """
    values, who = outcome_of(panel, outcome), panel.customers
    length = len(panel.months)
    start, before, entry = (who[name].to_numpy() for name in ("start", "before", "entry"))
    reached = start < length
    observed = np.flatnonzero(panel.observed)
    treated_months = int((len(observed) - np.searchsorted(observed, start[reached])).sum())
    edges = _edges(start, reached, entry, history_months)
    band = np.searchsorted(edges, entry)
    found = {"start": [], "before": [], "entry": [], "n": [], "mean": [], "covariance": []}
    place = np.where(band < len(edges), band, -1) * (length + 2) + np.minimum(start, length + 1)
    for cell in np.unique(place[place >= 0]):
        members = np.flatnonzero(place == cell)
        mean, covariance = _moments(values, members)
        first = members[0]
        found["start"].append(start[first])
        found["before"].append(before[members].min())
        found["entry"].append(edges[band[first]])
        found["n"].append(len(members))
        found["mean"].append(mean)
        found["covariance"].append(covariance)
    arrays = {name: np.array(each) for name, each in found.items()}
    return _with_single_customers(
        Cells(**arrays, observed=panel.observed, treated_months=treated_months, treated=int(reached.sum()))
    )


def _edges(start, reached, entry, history_months: int) -> np.ndarray:
    """Last months of the bands, in order."""
    waves, sizes = np.unique(start[reached], return_counts=True)
    if not len(waves):
        raise FitError("the programme has reached nobody for a whole month yet")
    first = int(waves[0])
    smallest = min([*sizes, max((~reached).sum(), 1)]) if len(waves) < 13 else 0
    offsets = (*_BANDS, history_months) if smallest >= _ENOUGH else (history_months,)
    edges = {first - offset for offset in offsets} | {
        int(wave) - back for wave in waves for back in (0, history_months)
    }
    if len(waves) >= 13:
        # one band a quarter, not one a wave
        edges = {first - history_months} | set(range(first, int(waves[-1]) + 1, 3))
    # a band that begins before the data do holds those who were there from the start
    return np.array(sorted({max(edge, 0) for edge in edges}))


def _moments(values, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the months of some customers, a chunk of them at a time."""
    length = values.shape[1]
    total, products = np.zeros(length), np.zeros((length, length))
    for at in range(0, len(members), _CHUNK):
        rows = values[members[at : at + _CHUNK]].toarray()
        total += rows.sum(0)
        products += rows.T @ rows
    mean = total / len(members)
    centred = products - len(members) * np.outer(mean, mean)
    return mean, centred / max(len(members) - 1, 1)


def _with_single_customers(cells: Cells) -> Cells:
    """A customer alone in a cell has no spread of its own: that of all the others stands in for it."""
    alone = cells.n < 2
    if alone.any() and not alone.all():
        weights = np.where(alone, 0, cells.n - 1)
        pooled = np.tensordot(weights / weights.sum(), cells.covariance, axes=1)
        cells.covariance[alone] = pooled
    return cells
