"""Covariates of a person-period panel made into columns of numbers, the same way each time.

- A number stands as it is, the value of a contract by its logarithm (nought and below count as unknown). Unknown ones
  count as the mean of those known, and where they are many, an indicator lets the unknown differ.
- A text makes one column for each level against the most common one; unknown is a level of its own. Levels of fewer
  than `FEWEST` person-periods count as the most common one.
- A column that follows from those before it is left out, as far as its variance inflation factor is above `MOST_VIF`.

References
----------
Fox and Monette (1992), Generalized collinearity diagnostics, JASA 87, 178-183.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.groups import column_name
from crmlab.messages import N_, _

TENURE, LOG_TENURE = "tenure_months", "log_tenure_months"
NO_COVARIATES = ("customer_id", "segment", "trials", "events", "left", TENURE)
FEWEST = 20
MOST_VIF = 10.0
_EXACT = 1e-10
_KINDS = {"value": "log10"}
_MANY_UNKNOWN = 0.01
_UNKNOWN = "\x00"  # the level of those whose text is not known
CONSTANT, FOLLOWS = N_("the same for everyone"), N_("follows from what stands before it")
_WORDS = {
    LOG_TENURE: N_("time since the contract began"),
    "value": N_("value of the contract"),
    "months_since_purchase": N_("months since the last purchase"),
    "spend_trend": N_("trend of spend"),
    "cases_6m": N_("service cases in six months"),
    "complaints_6m": N_("complaints in six months"),
    "response_hours_12m": N_("hours to first answer, 12 months"),
    "resolution_hours_12m": N_("hours to solution, 12 months"),
    "last_nps": N_("last recommendation score"),
    "last_csat": N_("last satisfaction score"),
    "days_late_12m": N_("days late with payments, 12 months"),
    "satisfaction": N_("satisfaction"),
    "response_hours": N_("hours until the first answer"),
    "delivery_delay_days": N_("days of delay in delivery"),
    "complaints_per_year": N_("complaints a year"),
    "resolved_share": N_("share of cases resolved"),
    "days_past_due": N_("days past due"),
    "monthly_charges": N_("monthly charges"),
    "total_charges": N_("total charges"),
    "internet_service": N_("internet service"),
    "payment_method": N_("payment method"),
    "contract": N_("kind of contract"),
}


@dataclass(frozen=True)
class Covariate:
    """How a column is read, as learnt from a panel.

    Attributes
    ----------
    kind
        `number`, `log10` or `text`.
    usual
        What an unknown number, or a rare level, counts as.
    levels
        Of a text, those with a column of their own.
    unknown
        Whether a number has an indicator of its not being known.
    spread
        Standard deviation of the number as it is read.
    whole, yes_or_no
        Whether the number is a whole one throughout, and whether it is 0 or 1.
    """

    name: str
    kind: str
    usual: float | str
    levels: tuple[str, ...] = ()
    unknown: bool = False
    spread: float = 1.0
    whole: bool = False
    yes_or_no: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Of its columns of the design."""
        if self.kind == "text":
            return tuple(
                f"{self.name} = {level}" if level != _UNKNOWN else f"{self.name} unknown" for level in self.levels
            )
        return (self.name, f"{self.name} unknown") if self.unknown else (self.name,)

    def columns(self, values: pd.Series) -> np.ndarray:
        """The values as columns of the design."""
        if self.kind == "text":
            texts = _texts(values)
            return np.column_stack([texts == level for level in self.levels]).astype(float)
        numbers = _numbers(values, self.kind)
        known = ~np.isnan(numbers)
        filled = np.where(known, numbers, self.usual)
        return np.column_stack([filled, ~known]).astype(float) if self.unknown else filled[:, None]


def learn_covariates(rows: pd.DataFrame) -> tuple[tuple[Covariate, ...], dict[str, str]]:
    """How each column of a panel is to be read, and why the others are left out.

    Parameters
    ----------
    rows
        Covariates, `trials` and `events`. A later covariate gives way to an earlier one; time since the contract began
        always comes first.
    """
    names = [name for name in rows.columns if name not in (*NO_COVARIATES, LOG_TENURE)]
    first = [LOG_TENURE] if LOG_TENURE in rows else []
    trials = rows["trials"].to_numpy(float)
    learnt, left_out = [], {}
    for name in [*first, *names]:
        covariate = _learn(rows[name], name, trials)
        if covariate is None:
            left_out[name] = CONSTANT
        else:
            learnt.append(covariate)
    return tuple(learnt), left_out


def design_matrix(rows: pd.DataFrame, covariates: Sequence[Covariate]) -> pd.DataFrame:
    """One column per effect, one row per row of the frame.

    Raises
    ------
    ValueError
        If the frame lacks a column that a covariate is read from.
    """
    missing = [covariate.name for covariate in covariates if covariate.name not in rows]
    if missing:
        raise ValueError(f"the frame must have the columns of the model; missing: {', '.join(missing)}")
    parts = [covariate.columns(rows[covariate.name]) for covariate in covariates]
    names = [name for covariate in covariates for name in covariate.names]
    values = np.hstack(parts) if parts else np.empty((len(rows), 0))
    return pd.DataFrame(values, columns=names, index=rows.index)


def variance_inflation(design: pd.DataFrame, weights, *, most: float = np.inf) -> pd.Series:
    r"""VIF of each column on those before it that are themselves not above `most`; infinite where it adds nothing.

    With :math:`R^2` of a column on those before it, :math:`\mathrm{VIF} = 1 / (1 - R^2)`: by how much the variance of
    its effect grows because the others say nearly the same.

    Parameters
    ----------
    weights
        How often each row counts.
    """
    x, w = design.to_numpy(float), np.asarray(weights, dtype=float)
    centred = (x - np.average(x, axis=0, weights=w)) * np.sqrt(w / w.sum())[:, None]
    covariance = centred.T @ centred
    variance = np.diag(covariance)
    kept: list[int] = []
    found = []
    for place in range(x.shape[1]):
        if not variance[place] > 0:
            found.append(np.inf)
            continue
        root = np.sqrt(variance)
        own = covariance[kept, place] / (root[kept] * root[place])
        others = covariance[np.ix_(kept, kept)] / np.outer(root[kept], root[kept])
        unexplained = 1 - float(own @ np.linalg.lstsq(others, own, rcond=None)[0]) if kept else 1.0
        found.append(1 / unexplained if unexplained > _EXACT else np.inf)
        if found[-1] <= most:
            kept.append(place)
    return pd.Series(found, index=design.columns, name="vif")


def driver_name(name: str) -> str:
    """What a covariate is called in a sentence."""
    return _(_WORDS[name]) if name in _WORDS else column_name(name)


def effect_step(covariate: Covariate) -> float:
    """The step of a number whose effect is shown: 1, 2 or 5 times a power of ten, as near its spread as that goes."""
    if covariate.name == LOG_TENURE:
        return float(np.log(2))
    if covariate.kind != "number" or covariate.yes_or_no:
        return 1.0
    power = 10.0 ** np.floor(np.log10(covariate.spread))
    step = float(min((1, 2, 5, 10), key=lambda step: abs(np.log(step * power / covariate.spread))) * power)
    return max(step, 1.0) if covariate.whole else step


def effect_name(covariate: Covariate, name: str) -> str:
    """What an effect compares, as a reader would say it."""
    driver = driver_name(covariate.name)
    if name.endswith(" unknown"):
        return _("{driver}: not known").format(driver=driver)
    if covariate.kind == "text":
        level = covariate.levels[covariate.names.index(name)]
        usual = _("not known") if covariate.usual == _UNKNOWN else covariate.usual
        return _("{driver}: {level} against {usual}").format(driver=driver, level=level, usual=usual)
    if covariate.name == LOG_TENURE:
        return _("{driver}: twice as long").format(driver=driver)
    if covariate.yes_or_no:
        return _("{driver}: yes").format(driver=driver)
    if covariate.kind == "log10":
        return _("{driver}: ten times as much").format(driver=driver)
    step = effect_step(covariate)
    digits = max(0, -int(np.floor(np.log10(step))))
    return _("{driver}: {step} more").format(driver=driver, step=language.number(step, digits))


def _learn(values: pd.Series, name: str, trials: np.ndarray) -> Covariate | None:
    is_number = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
    kind = _KINDS.get(name, "number") if is_number else "text"
    if kind == "text":
        counts = pd.Series(trials).groupby(_texts(values)).sum().sort_index()
        counts = counts.sort_values(ascending=False, kind="stable")
        levels = sorted(counts.index[1:][counts.iloc[1:] >= FEWEST])
        return Covariate(name, kind, str(counts.index[0]), tuple(levels)) if levels else None
    numbers = _numbers(values, kind)
    known = ~np.isnan(numbers)
    unknown = _MANY_UNKNOWN * trials.sum() <= trials[~known].sum() and trials[~known].sum() >= FEWEST
    if not known.any():
        return None
    mean = float(np.average(numbers[known], weights=trials[known]))
    spread = float(np.sqrt(np.average((numbers[known] - mean) ** 2, weights=trials[known])))
    if not spread > 1e-9 * max(abs(mean), 1e-9):
        return None
    found, number = numbers[known], kind == "number"
    whole, yes_or_no = number and (found == np.round(found)).all(), number and np.isin(found, (0.0, 1.0)).all()
    return Covariate(name, kind, mean, (), bool(unknown), spread, bool(whole), bool(yes_or_no))


def _texts(values: pd.Series) -> np.ndarray:
    return values.astype(object).where(values.notna(), _UNKNOWN).map(str).to_numpy(object)


def _numbers(values: pd.Series, kind: str) -> np.ndarray:
    numbers = values.to_numpy(float, na_value=np.nan)
    if kind == "log10":
        numbers = np.log10(np.where(numbers > 0, numbers, np.nan))
    return np.where(np.isfinite(numbers), numbers, np.nan)
