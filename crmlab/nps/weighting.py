r"""What the score would be if those who answer were spread over the customer base as the customers are.

Raking gives every answer a weight such that, for each column alone (industry, region, ...), the weighted answers are
spread as the customers are: the weights are multiplied by what each value of a column lacks, column after column, until
all agree. Weighting moves the score only as far as the columns tell who answers and what they say; those who do not
answer may differ from those who do in ways no column shows, and then the weighted score is as wrong as the plain one.

What weights cost is told by Kish's design effect, :math:`n \sum w^2 / (\sum w)^2`: n answers are worth n over it. The
interval rests on the residuals of a weighted regression of the answers on the same columns, which is what raking
leaves to chance, with the answers of one person taken together.

References
----------
Deming & Stephan (1940), On a least squares adjustment of a sampled frequency table, Annals of Mathematical Statistics
11, 427-444. Deville, Sarndal & Sautory (1993), Generalized raking procedures in survey sampling, JASA 88, 1013-1020.
Kish (1992), Weighting for unequal Pi, Journal of Official Statistics 8, 183-200.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.groups import NOT_KNOWN, OTHERS, column_name, named, too_small
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, listed, sentences
from crmlab.nps.moments import NPS, check, moments, weighted_variance
from crmlab.nps.score import adjusted_wald, estimates

_PASSES = 1000
_CLOSE = 1e-9


@dataclass(frozen=True, eq=False)
class Weighted:
    """The score of the answers as they are, and weighted to the customer base.

    Attributes
    ----------
    unweighted
        In points, of the answers whose customers' columns are known; others cannot be weighted, and are in neither
        score.
    weighted
        Of the same answers, weighted.
    by
        Columns that the answers are weighted by.
    design_effect
        Kish's, of the weights alone: answers that are worth one unweighted answer, at least 1.
    largest, smallest
        Weight of an answer, of which the mean is 1.
    margins
        One row per value of each column: `column`, `group`, `customer_share` (of the base), `answers` (share of the
        answers), `weighted` (share of the weighted answers), and `weight` (mean of the answers there).
    uncovered
        Share of the customers in groups of which nobody has answered.
    base
        `running`: the customers of whom a contract runs; `all`: everyone won so far.
    """

    formats: ClassVar[dict[str, str]] = {"weight": "ratio"} | dict.fromkeys(
        ("customer_share", "answers", "weighted"), "share"
    )
    labels: ClassVar[dict[str, str]] = {
        "column": N_("Column"),
        "group": N_("Group"),
        "customer_share": N_("Share of customers"),
        "answers": N_("Share of answers"),
        "weighted": N_("Share when weighted"),
        "weight": N_("Mean weight"),
    }

    unweighted: Estimate
    weighted: Estimate
    design_effect: float
    smallest: float
    largest: float
    margins: pd.DataFrame
    by: tuple[str, ...]
    uncovered: float
    base: str

    @property
    def difference(self) -> float:
        """Weighted less unweighted, in points; below zero, those who answer are kinder than the customers."""
        return self.weighted.value - self.unweighted.value

    @property
    def effective_sample(self) -> float:
        """How many unweighted answers the weighted ones are worth (Kish): `n` over the design effect."""
        return self.weighted.n / self.design_effect

    def table(self) -> pd.DataFrame:
        """`margins`, with the names given here in the language that is spoken."""
        return self.margins.assign(column=self.margins["column"].map(column_name), group=self.shown_groups())

    def shown_groups(self) -> pd.Series:
        """The values of the columns as shown; numbers are fifths of the customers."""
        return named(self.margins["group"].map(_shown))

    def summary(self) -> str:
        """The weighted score beside the unweighted, which way those who answer differ, and what the weights cost."""
        message = N_(
            "Weighted to all customers by {by}, the score is {weighted} {evidence}; unweighted, the same answers give "
            "{unweighted}."
        )
        if self.base == "running":
            message = N_(
                "Weighted to the customers with a running contract by {by}, the score is {weighted} {evidence}; "
                "unweighted, the same answers give {unweighted}."
            )
        told = _(message).format(
            by=listed(column_name(name) for name in self.by),
            weighted=self.weighted.text(),
            evidence=self.weighted.evidence(),
            unweighted=self.unweighted.text(),
        )
        low, plain, high = self.weighted.low, self.unweighted.value, self.weighted.high
        verdict = _("By what these columns show, those who answer are spread as the customers are.")
        if plain > high:
            verdict = _("Those who answer are kinder than the customers they stand for.")
        if plain < low:
            verdict = _("Those who answer are harsher than the customers they stand for.")
        cost = _("Weighted, the {n} answers are worth {worth} (design effect {effect}).").format(
            n=language.number(self.weighted.n),
            worth=language.number(self.effective_sample),
            effect=language.number(self.design_effect, 2),
        )
        lacking = _("Of {share} of the customers nobody has answered; they count for nothing here.").format(
            share=language.quantity(self.uncovered, "share")
        )
        return sentences(told, verdict, cost, lacking if self.uncovered > 0 else "")


def weighted_score(given, *, fewest: int = 10, confidence_level: float = 0.95) -> Weighted:
    """The score weighted to the customer base.

    Parameters
    ----------
    given
        What `crmlab.aggregate.answer_base` gives.
    fewest
        Values of a column with fewer answers than this are taken together, so that no answer gets a weight out of all
        proportion.

    Raises
    ------
    ValueError
        If `fewest` is below 1.
    FitError
        If nobody has answered, there is nothing to weight by, or no weights agree with all columns.
    """
    if fewest < 1:
        raise ValueError(f"`fewest` must be at least 1, got {fewest}")
    answers, base, by = given.answers, given.customers, tuple(given.answers.by)
    if not by:
        names = listed(column_name(name) for name in given.missing)
        raise FitError(_("the client's tables lack {names}").format(names=names))
    check(answers)
    cells, n = _on_the_books(answers, base, by)
    columns = [_column(name, cells[name], n, base, fewest) for name in by]
    columns = [column for column in columns if len(column.names) > 1]
    if not columns:
        raise FitError(_("those who answered are all of one group, so that there is nothing to weight by"))
    weights = _raked(n, columns)
    label: dict[str, Any] = {"label": _("net promoter score"), "confidence_level": confidence_level}
    mass, used = n * weights, weights[n > 0]
    return Weighted(
        estimates(moments(answers, np.where(n > 0, 0, 1)), **label)[0],
        _estimate(answers, n, weights, columns, **label),
        float(n.sum() * (n * weights**2).sum() / mass.sum() ** 2),
        float(used.min()),
        float(used.max()),
        pd.concat([column.table(n, mass) for column in columns], ignore_index=True),
        tuple(column.name for column in columns),
        max(column.uncovered for column in columns),
        given.base,
    )


def _shown(name):
    return _("fifth {n} of 5").format(n=int(name)) if isinstance(name, float) else name


@dataclass(frozen=True, eq=False)
class _Column:
    """A column: its values, the place of each cell's value, and each value's share of the base."""

    name: str
    names: list[str]
    place: np.ndarray
    target: np.ndarray
    uncovered: float

    def sums(self, of: np.ndarray) -> np.ndarray:
        return np.bincount(self.place, of, minlength=len(self.names))

    def table(self, n: np.ndarray, mass: np.ndarray) -> pd.DataFrame:
        counted, weighed = self.sums(n), self.sums(mass)
        shares = {"customer_share": self.target, "answers": counted / n.sum(), "weighted": weighed / mass.sum()}
        return pd.DataFrame({"column": self.name, "group": self.names} | shares | {"weight": weighed / counted})


def _on_the_books(answers, base: pd.DataFrame, by: tuple[str, ...]) -> tuple[pd.DataFrame, np.ndarray]:
    """The cells with their gaps named, and the answers of each that are those of customers of the base."""
    cells = answers.cells[list(by)].astype(object)
    n = answers.cells["answers"].to_numpy(float) * cells.notna().any(axis=1).to_numpy()
    cells = cells.where(cells.notna(), NOT_KNOWN)
    for name in by:
        n = n * cells[name].isin(_counts(name, base, by).index).to_numpy()
    if not n.sum():
        names = listed(column_name(name) for name in by)
        raise FitError(_("of nobody who answered the {names} is known").format(names=names))
    return cells, n


def _counts(name: str, base: pd.DataFrame, by: tuple[str, ...]) -> pd.Series:
    """Customers by the value of a column, those of whom nothing is known left out."""
    known = base[base[list(by)].notna().any(axis=1) & (base["customers"] > 0)]
    return known.groupby(known[name].astype(object).where(known[name].notna(), NOT_KNOWN))["customers"].sum()


def _column(name: str, values: pd.Series, n: np.ndarray, base: pd.DataFrame, fewest: int) -> _Column:
    """Values with too few answers are taken together, with the next ones until they are enough."""
    by = tuple(column for column in base if column != "customers")
    customers = _counts(name, base, by).sort_index(key=lambda values: values.map(str))
    answered = pd.Series(n).groupby(values.to_numpy()).sum().reindex(customers.index, fill_value=0.0)
    answered = answered.sort_values(kind="stable")
    small = too_small(customers, few=answered.index[answered < fewest])
    rest = [value for value in answered.index if value not in small]
    while small and rest and 0 < answered[small].sum() < fewest:
        small.append(rest.pop(0))
    renamed = {value: OTHERS if value in small else value for value in answered.index}
    target = customers.groupby(renamed).sum()
    told = answered.groupby(renamed).sum()
    names = [value for value in target.index if told[value] > 0]
    place = values.map(renamed).map({value: at for at, value in enumerate(names)}).fillna(0).to_numpy(int)
    covered = target[names].to_numpy(float)
    return _Column(name, names, place, covered / covered.sum(), float(1 - covered.sum() / target.sum()))


def _raked(n: np.ndarray, columns: list[_Column]) -> np.ndarray:
    """Weights by cell, of mean 1 over the answers, with which every column is spread as the base."""
    weights, total = np.ones(len(n)), n.sum()
    for _pass in range(_PASSES):
        furthest = 0.0
        for column in columns:
            lacking = column.target * total / column.sums(n * weights)
            furthest = max(furthest, float(np.abs(lacking - 1).max()))
            weights = weights * lacking[column.place]
        if furthest < _CLOSE:
            return weights
    names = listed(column_name(column.name) for column in columns)
    raise FitError(_("no weights agree with all of {names}; weight by fewer of them").format(names=names))


def _estimate(
    answers, n: np.ndarray, weights: np.ndarray, columns: list[_Column], *, label: str, confidence_level: float
) -> Estimate:
    mass, cells = n * weights, answers.cells
    total, counted = mass.sum(), np.maximum(cells["answers"].to_numpy(float), 1)
    up, down = (float((mass * cells[name].to_numpy(float) / counted).sum() / total) for name in NPS)
    said = (cells["promoters"] - cells["detractors"]).to_numpy(float) / counted
    design = np.column_stack([np.eye(len(column.names))[column.place] for column in columns])
    root = np.sqrt(mass)[:, None]
    solved, _residuals, rank, _singular = np.linalg.lstsq(design * root, said * root[:, 0], rcond=None)
    people = float(cells["people"].to_numpy(float)[n > 0].sum())
    spread = weighted_variance(answers, NPS, weights * (n > 0), design @ solved)
    variance = spread / total**2 * people / max(people - rank, 1)
    own = up + down - (up - down) ** 2
    worth = own / variance if min(own, variance) > 1e-12 else total**2 / float((mass * weights).sum())
    ends = adjusted_wald(up, down, worth, max(1.0, n.sum() / worth), confidence_level)
    value, low, high = (float(100 * end) for end in ends)
    return Estimate(value, low, high, "points", int(n.sum()), label, confidence_level)
