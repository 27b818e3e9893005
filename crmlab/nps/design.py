"""Columns of a table of answers made into the design of a driver model, with a reason for each that is left out.

- A number counts as it is; a sum of money by its logarithm, for its effect goes by ratios.
- A text counts by its levels, against the most common one; levels of fewer than 20 answers make up "Others" together.
- An unknown number counts as the median, with an effect of its own for being unknown: a customer without a case has no
  hours to the first answer, and that is no error. Where fewer than 20 are unknown, those answers are left out instead.
- A column that is the same everywhere, is mostly unknown, or follows from those before it cannot be told apart, and is
  left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.groups import NOT_KNOWN, OTHERS
from crmlab.messages import N_, _, clauses
from crmlab.nps.driver_names import MONEY, OUTCOMES, driver_name

FEWEST_ANSWERS = 50
MOST_ANSWERS = 100_000  # more would take longer and say no more: intervals are a hair's breadth wide by then
FEWEST = 20  # answers of a level, and unknown ones, from which on an effect of their own can be told
ANSWERS_PER_COEFFICIENT = 10
_MOSTLY = 0.6  # share unknown above which a column says too little
_FOLLOWS = 0.95  # share of a column's variance that those before it explain, from which on it follows from them
_CONSTANT = N_("the same for every answer")
_UNKNOWN = N_("not known for most answers")
_COLLINEAR = N_("follows from the others")
_TOO_MANY = N_("too few answers for so many drivers")
SAME = N_("all answers are the same, so that nothing can be told to drive them")
SEPARATES = N_("tells the answers apart without fault")
_NOT_THERE = N_("not in the data")


@dataclass(frozen=True)
class Driver:
    """How a column enters the design.

    Attributes
    ----------
    columns
        Of the design, that of unknown values last.
    low, high
        Of a number: its lower and upper quartile, between which its effect is told.
    usual, levels
        Of a text: the level that others are compared with, and those others.
    unknown
        Answers for which it is not known, and which count as the median.
    """

    name: str
    columns: tuple[str, ...]
    low: float = 0.0
    high: float = 0.0
    usual: str = ""
    levels: tuple[str, ...] = ()
    unknown: int = 0

    @property
    def is_number(self) -> bool:
        """Whether it counts as a number, and not by the levels of a text."""
        return not self.usual

    def scaled(self, value: float) -> float:
        """A value as the design counts it: of a sum of money the logarithm of one more, else as it is."""
        return float(_scaled(self.name, np.array([value]))[0])


@dataclass(frozen=True, eq=False)
class Design:
    """The drivers' columns, one row per answer that is used.

    Attributes
    ----------
    answers, clusters
        The score of each answer, and the customer who gave it.
    matrix
        Columns of the drivers, as the model counts them.
    raw
        The drivers themselves, as they were given.
    left_out
        By column: why it is no driver.
    rows_left_out
        Answers left out because a driver is not known for them.
    sampled
        How many answers there are, where only those of a random sample of customers are used; else 0.
    """

    drivers: tuple[Driver, ...]
    matrix: pd.DataFrame
    answers: np.ndarray
    clusters: np.ndarray
    raw: pd.DataFrame
    left_out: dict[str, str]
    rows_left_out: int
    sampled: int


def make_design(answers: pd.DataFrame, drivers: Sequence[str] | None = None, *, score: str = "nps") -> Design:
    """The design of a driver model.

    Parameters
    ----------
    answers
        One row per answer: `customer_id`, the score, and what was known before it.
    drivers
        Columns to use, the first with the first claim; None or empty for all that are no satisfaction themselves.
    score
        Column that is driven.

    Raises
    ------
    ValueError
        If `answers` lacks `customer_id` or the score.
    FitError
        With fewer than 50 answers of known customers, answers that are all the same, or no driver that can be told
        apart.
    """
    missing = [name for name in ("customer_id", score) if name not in answers]
    if missing:
        raise ValueError(f"`answers` must have the columns customer_id and {score}; missing: {', '.join(missing)}")
    frame = answers[answers["customer_id"].notna() & answers[score].notna()].reset_index(drop=True)
    if len(frame) < FEWEST_ANSWERS:
        message = _("drivers need at least {least} answers of known customers, and there are {n}")
        raise FitError(message.format(least=FEWEST_ANSWERS, n=language.number(len(frame))))
    frame, sampled = _sampled(frame)
    if frame[score].nunique() < 2:
        raise FitError(_(SAME))
    wanted = [name for name in drivers or frame.columns if name not in OUTCOMES and name != score]
    left_out = {name: _NOT_THERE for name in wanted if name not in frame}
    wanted = [name for name in wanted if name in frame]
    few = [name for name in wanted if 0 < frame[name].isna().sum() < FEWEST and _is_number(frame[name])]
    kept = frame[few].notna().all(axis=1)
    used = frame[kept].reset_index(drop=True)
    room = int(_effective(used[score]) / ANSWERS_PER_COEFFICIENT)
    found: list[Driver] = []
    parts: list[pd.DataFrame] = []
    for name in wanted:
        driver, part = _columns(used[name])
        if isinstance(part, str):
            left_out[name] = part
            continue
        if driver.unknown and not _adds(parts, part):
            # who is unknown here is unknown elsewhere too, and has an effect of its own there
            driver, part = replace(driver, columns=driver.columns[:1]), part.iloc[:, :1]
        if not _adds(parts, part):
            left_out[name] = _COLLINEAR
        elif sum(len(each.columns) for each in [*found, driver]) > room:
            left_out[name] = _TOO_MANY
        else:
            found.append(driver)
            parts.append(part)
    if not found:
        raise FitError(_("no driver can be told apart: {reasons}").format(reasons=told(left_out) or _(_NOT_THERE)))
    return Design(
        tuple(found),
        pd.concat(parts, axis=1),
        used[score].to_numpy(float),
        used["customer_id"].to_numpy(),
        used[[driver.name for driver in found]],
        left_out,
        len(frame) - len(used),
        sampled,
    )


def without(design: Design, name: str, reason: str) -> Design:
    """The same design without one driver.

    Parameters
    ----------
    reason
        Why it is left out, in English.

    Raises
    ------
    FitError
        If no driver is left.
    """
    drivers = tuple(driver for driver in design.drivers if driver.name != name)
    if not drivers:
        message = _("no driver can be told apart: {reasons}")
        raise FitError(message.format(reasons=told(design.left_out | {name: reason})))
    columns = [column for driver in drivers for column in driver.columns]
    return replace(
        design,
        drivers=drivers,
        matrix=design.matrix[columns],
        raw=design.raw[[driver.name for driver in drivers]],
        left_out=design.left_out | {name: reason},
    )


def told(left_out: dict[str, str]) -> str:
    """The columns left out, each with its reason."""
    return clauses(_("{what}: {reason}").format(what=driver_name(n), reason=_(why)) for n, why in left_out.items())


def _sampled(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The answers, or those of as many customers as can be followed in good time; and then how many there were."""
    if len(frame) <= MOST_ANSWERS:
        return frame, 0
    known = np.sort(frame["customer_id"].unique())
    kept = np.random.default_rng(0).choice(known, int(len(known) * MOST_ANSWERS / len(frame)), replace=False)
    return frame[frame["customer_id"].isin(kept)].reset_index(drop=True), len(frame)


def _columns(values: pd.Series) -> tuple[Driver | None, pd.DataFrame | str]:
    """The driver with its columns; None with the reason where it cannot be one."""
    name = str(values.name)
    if not _is_number(values):
        return _levels(name, values)
    numbers = values.astype(float).replace([np.inf, -np.inf], np.nan)
    known = numbers.dropna()
    if len(known) < (1 - _MOSTLY) * len(numbers):
        return None, _UNKNOWN
    if known.nunique() < 2:
        return None, _CONSTANT
    low, high = (float(end) for end in known.quantile([0.25, 0.75]))
    if low == high:
        # one value for most: from it to what the others are on average
        low, high = float(known.median()), float(known[known != known.median()].mean())
    scaled = _scaled(name, numbers.to_numpy())
    unknown = int(numbers.isna().sum())
    part = {name: np.where(np.isnan(scaled), np.nanmedian(scaled), scaled)}
    if unknown:
        part[f"{name} unknown"] = numbers.isna().to_numpy(float)
    return Driver(name, tuple(part), low, high, unknown=unknown), pd.DataFrame(part)


def _levels(name: str, values: pd.Series) -> tuple[Driver | None, pd.DataFrame | str]:
    texts = values.astype(object).where(values.notna(), NOT_KNOWN).map(str).str.strip().replace("", NOT_KNOWN)
    if (texts == NOT_KNOWN).mean() > _MOSTLY:
        return None, _UNKNOWN
    texts = texts.mask(texts.map(texts.value_counts()) < FEWEST, OTHERS)
    counts = texts.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    if len(counts) < 2:
        return None, _CONSTANT
    usual, levels = counts.index[0], tuple(sorted(counts.index[1:]))
    part = {f"{name} = {level}": (texts == level).to_numpy(float) for level in levels}
    return Driver(name, tuple(part), usual=usual, levels=levels), pd.DataFrame(part)


def _scaled(name: str, values: np.ndarray) -> np.ndarray:
    return np.log1p(np.maximum(values, 0.0)) if name in MONEY else values


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)


def _effective(answers: pd.Series) -> float:
    """Answers for which an ordinal model is as well off as for as many different ones (Harrell, section 4.4)."""
    shares = answers.value_counts(normalize=True)
    return float(len(answers) * (1 - (shares**3).sum()))


def _adds(parts: list[pd.DataFrame], part: pd.DataFrame) -> bool:
    """Whether every new column holds something that those before it do not."""
    before = np.column_stack([np.ones(len(part)), *(each.to_numpy() for each in parts)])
    for column in part.to_numpy().T:
        spread = column.std()
        rest = column - before @ np.linalg.lstsq(before, column, rcond=None)[0]
        if spread == 0 or rest.std() ** 2 < (1 - _FOLLOWS) * spread**2:
            return False
        before = np.column_stack([before, column])
    return True
