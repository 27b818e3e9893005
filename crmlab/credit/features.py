"""Features of a default model: columns of a customer table made into numbers, the same way each time.

Each column is read in one of these ways:

- `plain`: the number as it is; `log10`: its logarithm, for sums of money (nought and below count as unknown);
- `levels`: each level with an effect of its own, against the most common one;
- a list of levels, lowest risk first: counted 0, 1, 2 and so on, one effect for each step.

An unknown number counts as the median of those that are known, an unknown level as the most common, and so does a level
of fewer than `FEWEST` customers, whose effect nobody could tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab.groups import column_name
from crmlab.messages import N_, _

TREATMENTS = ("plain", "log10", "levels")
FEWEST = 20
_COLUMNS = {"registered_capital": N_("registered capital")}


@dataclass(frozen=True)
class Feature:
    """How a column is read, as learnt from the customers that a model is fitted to.

    Attributes
    ----------
    treatment
        One of `TREATMENTS`, or `ordered` for a list of levels.
    levels
        Of `levels`, those with an effect of their own; of `ordered`, all, lowest risk first.
    usual
        What an unknown value counts as: the most common level, or the median on the scale that is used.
    """

    column: str
    treatment: str
    levels: tuple[str, ...] = ()
    usual: str | float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of the design."""
        if self.treatment == "levels":
            return tuple(f"{self.column} = {level}" for level in self.levels)
        return (f"log10({self.column})" if self.treatment == "log10" else self.column,)

    def columns(self, values: pd.Series) -> np.ndarray:
        """The values as columns of the design."""
        if self.treatment == "levels":
            return np.column_stack([_text(values) == level for level in self.levels]).astype(float)
        if self.treatment == "ordered":
            steps = {level: float(step) for step, level in enumerate(self.levels)}
            return _text(values).map(steps).fillna(steps[str(self.usual)]).to_numpy(float)[:, None]
        return _numbers(values, self.column, self.treatment).fillna(self.usual).to_numpy(float)[:, None]


def learn_features(customers: pd.DataFrame, treatments: Mapping[str, str | Sequence[str]]) -> tuple[Feature, ...]:
    """How each named column is to be read; a column with nothing to tell customers apart is left out.

    Raises
    ------
    ValueError
        If `treatments` name a column that there is not, a treatment that is none, a number that is a text, or not all
        the levels of a column.
    """
    missing = [column for column in treatments if column not in customers]
    if missing:
        raise ValueError(f"`features` names {', '.join(missing)}; the customers have {', '.join(map(str, customers))}")
    learnt = [_learn(customers[column], column, treatment) for column, treatment in treatments.items()]
    return tuple(feature for feature in learnt if feature is not None)


def design_matrix(customers: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """One column per effect, one row per customer.

    Raises
    ------
    ValueError
        If `customers` lack the column of a feature.
    """
    missing = [feature.column for feature in features if feature.column not in customers]
    if missing:
        raise ValueError(f"`customers` must have the columns of the model; missing: {', '.join(missing)}")
    parts = [pd.DataFrame(feature.columns(customers[feature.column]), columns=feature.names) for feature in features]
    return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=range(len(customers)))


def independent_features(customers: pd.DataFrame, features: Sequence[Feature]) -> tuple[Feature, ...]:
    """The features of which none follows from those before it."""
    kept: list[Feature] = []
    for feature in features:
        design = design_matrix(customers, [*kept, feature]).to_numpy(float)
        spread = design.std(axis=0)
        whole = np.column_stack([np.ones(len(design)), design / np.where(spread > 0, spread, 1.0)])
        if np.linalg.matrix_rank(whole) == whole.shape[1]:
            kept.append(feature)
    return tuple(kept)


def feature_name(column: str) -> str:
    """What a column is called in a sentence."""
    return _(_COLUMNS[column]) if column in _COLUMNS else column_name(column)


def effect_name(feature: Feature, name: str) -> str:
    """What an effect compares, as a reader would say it."""
    column = feature_name(feature.column)
    if feature.treatment == "levels":
        level = feature.levels[feature.names.index(name)]
        return _("{column}: {level} against {usual}").format(column=column, level=level, usual=feature.usual)
    if feature.treatment == "log10":
        return _("{column}: ten times as much").format(column=column)
    if feature.treatment == "ordered":
        return _("{column}: each step from {first} towards {last}").format(
            column=column, first=feature.levels[0], last=feature.levels[-1]
        )
    return _("{column}: one more").format(column=column)


def _learn(values: pd.Series, column: str, treatment: str | Sequence[str]) -> Feature | None:
    if not isinstance(treatment, str):
        levels = tuple(map(str, treatment))
        found = _text(values).dropna()
        unknown = sorted(set(found) - set(levels))
        if unknown:
            raise ValueError(
                f"`features` lists the levels {', '.join(levels)} of {column}, which also has {unknown[0]}"
            )
        common = found.mode()
        return Feature(column, "ordered", levels, common.iloc[0]) if found.nunique() > 1 else None
    if treatment not in TREATMENTS:
        allowed = ", ".join(TREATMENTS)
        raise ValueError(f"`features` must read {column} as one of {allowed}, or list its levels; got {treatment!r}")
    if treatment == "levels":
        counts = _text(values).value_counts().sort_index().sort_values(ascending=False, kind="stable")
        own = sorted(counts.index[1:][counts.iloc[1:] >= FEWEST])
        return Feature(column, "levels", tuple(own), counts.index[0]) if own else None
    numbers = _numbers(values, column, treatment).dropna()
    if numbers.nunique() < 2:
        return None
    return Feature(column, treatment, usual=float(numbers.median()))


def _text(values: pd.Series) -> pd.Series:
    known = values.notna()
    return values.astype(object).where(known, None).map(str, na_action="ignore")


def _numbers(values: pd.Series, column: str, treatment: str) -> pd.Series:
    try:
        numbers = pd.to_numeric(values).astype(float)
    except (ValueError, TypeError) as error:
        raise ValueError(f"`features` reads {column} as {treatment}, but it holds text") from error
    return np.log10(numbers.where(numbers > 0)) if treatment == "log10" else numbers
