"""Gradient-boosted trees on the same panel, which nobody can read: they show what the readable model gives up.

Fixed settings, small trees, no early stopping: the same rows give the same trees.

References
----------
Friedman (2001), Greedy function approximation: a gradient boosting machine, Annals of Statistics 29, 1189-1232.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmlab.absence import FitError
from crmlab.churn.hazard import by_customer, later
from crmlab.churn.preparation import LOG_TENURE, NO_COVARIATES

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

_CLASSES = 120
_SETTINGS = {
    "max_iter": 100,
    "learning_rate": 0.06,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 40,
    "l2_regularization": 1.0,
}


@dataclass(frozen=True, eq=False)
class BoostedHazard:
    """Gradient-boosted trees for the chance to leave in a period.

    Attributes
    ----------
    names
        The columns that the trees read; of texts `levels`, and of numbers `cuts`, are what they tell apart.
    trees
        scikit-learn's fitted classifier.
    """

    names: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    cuts: dict[str, np.ndarray]
    trees: "HistGradientBoostingClassifier"

    def probability(self, frame: pd.DataFrame, *, months: int) -> pd.Series:
        """Of each customer, to leave within so many `months`, 0 to 1; see `HazardModel.probability`."""
        from threadpoolctl import threadpool_limits

        stays = np.ones(len(frame))
        with threadpool_limits(1):
            for step in range(months):
                x = _features(later(frame, step), self.names, self.levels, self.cuts)
                stays = stays * (1 - self.trees.predict_proba(x)[:, 1])
        return by_customer(frame, 1 - stays, "probability")


def fit_boosted_hazard(rows: pd.DataFrame, *, seed: int = 0) -> BoostedHazard:
    """The trees of a panel; `rows` as of `fit_hazard`.

    Raises
    ------
    FitError
        If nobody left, or nobody stayed.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    # scikit-learn fails where nothing is known of a column
    names = [name for name in rows.columns if name not in NO_COVARIATES and rows[name].notna().any()]
    names = tuple(dict.fromkeys([*([LOG_TENURE] if LOG_TENURE in rows else []), *names]))
    trials, events = rows["trials"].to_numpy(float), rows["events"].to_numpy(float)
    if not 0 < events.sum() < trials.sum():
        raise FitError("trees need some who left and some who stayed")
    levels = {
        name: tuple(sorted(rows[name].dropna().astype(str).unique())[:250])
        for name in names
        if not (pd.api.types.is_numeric_dtype(rows[name]) or pd.api.types.is_bool_dtype(rows[name]))
    }
    cuts = {name: _cuts(rows[name].to_numpy(float, na_value=np.nan)) for name in names if name not in levels}
    x = _features(rows, names, levels, cuts)
    stayed = trials - events
    both = np.concatenate([np.flatnonzero(events > 0), np.flatnonzero(stayed > 0)])
    outcome = np.concatenate([np.ones((events > 0).sum()), np.zeros((stayed > 0).sum())])
    weight = np.concatenate([events[events > 0], stayed[stayed > 0]])
    categorical = [name in levels for name in names]
    trees = HistGradientBoostingClassifier(
        **_SETTINGS, early_stopping=False, random_state=seed, categorical_features=categorical
    )
    # several threads wait for one another longer than they save, the more so beside other reports
    with threadpool_limits(1):
        return BoostedHazard(names, levels, cuts, trees.fit(x[both], outcome, sample_weight=weight))


def _cuts(values: np.ndarray) -> np.ndarray:
    """Borders between a hundred or so classes of a number: scikit-learn's own, with weights, take most of the time."""
    known = np.unique(values[np.isfinite(values)])
    if len(known) <= _CLASSES:
        return (known[:-1] + known[1:]) / 2
    return np.unique(np.nanquantile(values, np.arange(1, _CLASSES) / _CLASSES, method="lower"))


def _features(
    frame: pd.DataFrame, names: Sequence[str], levels: dict[str, tuple[str, ...]], cuts: dict[str, np.ndarray]
) -> np.ndarray:
    """Numbers by the place of their class, texts by that of their level; what is unknown is left to the trees."""
    columns = []
    for name in names:
        if name in levels:
            known = frame[name].astype(object).where(frame[name].notna(), None)
            places = known.map(str, na_action="ignore").map({level: place for place, level in enumerate(levels[name])})
            columns.append(places.to_numpy(float, na_value=np.nan))
        else:
            values = frame[name].to_numpy(float, na_value=np.nan)
            columns.append(np.where(np.isnan(values), np.nan, np.searchsorted(cuts[name], values)))
    return np.column_stack(columns)
