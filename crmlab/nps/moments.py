r"""Means of answers by group, and how they vary, with the answers of one person taken together.

With :math:`x_{ig}` what person `i` adds to a sum in group `g`, and :math:`n_{ig}` answers,

.. math:: \hat\theta_g = \frac{\sum_i x_{ig}}{\sum_i n_{ig}}, \quad
          \mathrm{Cov}(\hat\theta_g, \hat\theta_h) = \frac{m}{m - 1} \frac{\sum_i (x_{ig} - \theta_g n_{ig})
          (x_{ih} - \theta_h n_{ih})}{n_g n_h}

for `m` people: what the bootstrap over people comes to with many of them, without its drawing. The sums over people of
products are all it takes, and they come from the engine; see `crmlab.aggregate.answers`.

References
----------
Cochran (1977), Sampling techniques, chapters 6 and 9. Kish (1965), Survey sampling, chapter 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from crmlab import language
from crmlab.absence import FitError
from crmlab.groups import column_name
from crmlab.messages import N_, _, listed

# what is asked, as a reason says it
_NOTHING = {
    "nps": N_("nobody has answered how likely they are to recommend the client"),
    "csat": N_("nobody has answered how satisfied they are"),
    "response": N_("the surveys record no invitation"),
}
Of = Mapping[str, float]
NPS: Of = {"promoters": 1.0, "detractors": -1.0}


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over people, by group.

    Attributes
    ----------
    answers, people
        One number per group. Somebody in two groups is one of the people of each.
    sums
        By measure: one number per group.
    products
        By two measures (`answers` among them): groups by groups, summed over the people in both.
    """

    answers: np.ndarray
    people: np.ndarray
    sums: dict[str, np.ndarray]
    products: dict[tuple[str, str], np.ndarray]

    def pooled(self, group: np.ndarray) -> "Moments":
        """Of groups made of these: for each of these, its group's number from 0."""
        into = np.eye(int(group.max()) + 1)[group].T
        sums = {name: into @ values for name, values in self.sums.items()}
        products = {names: into @ values @ into.T for names, values in self.products.items()}
        return Moments(into @ self.answers, into @ self.people, sums, products)

    def first(self, count: int) -> "Moments":
        """Of as many groups from the first on."""
        sums = {name: values[:count] for name, values in self.sums.items()}
        products = {names: values[:count, :count] for names, values in self.products.items()}
        return Moments(self.answers[:count], self.people[:count], sums, products)

    def means(self, of: Of) -> np.ndarray:
        """Of each group: the sum of what `of` weights, per answer."""
        return sum(weight * self.sums[name] for name, weight in of.items()) / self.answers

    def residuals(self, of: Of, at: np.ndarray) -> np.ndarray:
        """Sums over people of the products of what each says in two groups beyond `at` an answer."""
        inner = sum(
            one_weight * other_weight * self.products[one, other]
            for one, one_weight in of.items()
            for other, other_weight in of.items()
        )
        across = np.asarray(sum(weight * self.products[name, "answers"] for name, weight in of.items()))
        both = self.products["answers", "answers"]
        return inner - across * at[None, :] - across.T * at[:, None] + np.outer(at, at) * both

    def covariance(self, of: Of, at: np.ndarray | None = None) -> np.ndarray:
        """Of the groups' means, without the factor m / (m - 1) of the module's formula.

        Parameters
        ----------
        at
            The means under what is to be tested; their own where not given.
        """
        at = self.means(of) if at is None else np.broadcast_to(at, self.answers.shape)
        return self.residuals(of, at) / np.outer(self.answers, self.answers)

    def design_effects(self, of: Of, squares: np.ndarray) -> np.ndarray:
        """By group: how many answers are worth one of somebody who answers once, at least 1.

        Parameters
        ----------
        squares
            By group: the sum over answers of the square of what `of` weights.
        """
        mean = self.means(of)
        within = squares - self.answers * mean**2
        sizes = np.diag(self.products["answers", "answers"]) / self.answers
        few = np.maximum(self.people - 1, 1)
        # where all answers are the same, nothing shows that those of one person differ
        told = within > 1e-9 * self.answers
        found = np.diag(self.residuals(of, mean)) / np.where(told, within, 1.0) * self.people / few
        return np.where(sizes > 1 + 1e-9, np.where(told, np.maximum(found, 1.0), sizes), 1.0)


def moments(answers, names=None) -> Moments:
    """Of the cells of `answers`, or of the groups they make.

    Parameters
    ----------
    answers
        What `crmlab.aggregate.survey_answers` gives.
    names
        For each cell, its group's number from 0; each cell by itself where not given.

    Raises
    ------
    FitError
        If a column is missing, or there are no answers.
    """
    check(answers)
    cells, products = answers.cells, answers.products
    group = np.arange(len(cells)) if names is None else np.asarray(names, dtype=int)
    count = int(group.max()) + 1
    a, b = group[products["a"].to_numpy(int)], group[products["b"].to_numpy(int)]
    measures = ("answers", *answers.measures)

    def pooled(values) -> np.ndarray:
        return np.bincount(group, np.asarray(values, dtype=float), minlength=count)

    def crossed(one: str, other: str) -> np.ndarray:
        found = np.zeros((count, count))
        np.add.at(found, (a, b), products[f"{one}_{other}"].to_numpy(float))
        return found

    return Moments(
        pooled(cells["answers"]),
        pooled(cells["people"]),
        {name: pooled(cells[name]) for name in cells if name in measures or name.startswith(("score_", "level_"))},
        {(one, other): crossed(one, other) for one in measures for other in measures},
    )


def weighted_variance(answers, of: Of, weights: np.ndarray, at: np.ndarray) -> float:
    """Variance of the sum of what people say beyond `at` an answer, each cell with its weight; for many cells too."""
    rows = answers.products
    a, b = rows["a"].to_numpy(int), rows["b"].to_numpy(int)
    inner = sum(one * other * rows[f"{x}_{y}"].to_numpy(float) for x, one in of.items() for y, other in of.items())
    across, back = (
        sum(weight * rows[name.format(measure)].to_numpy(float) for measure, weight in of.items())
        for name in ("{}_answers", "answers_{}")
    )
    both = rows["answers_answers"].to_numpy(float)
    return float((weights[a] * weights[b] * (inner - across * at[b] - back * at[a] + at[a] * at[b] * both)).sum())


def check(answers) -> None:
    """Check that there is anything to tell of.

    Raises
    ------
    FitError
        If the client's tables lack a column that is asked for, or nobody has answered.
    """
    if answers.missing:
        names = listed(column_name(name) for name in answers.missing)
        raise FitError(_("the client's tables lack {names}").format(names=names))
    if answers.cells.empty:
        reason = _(_NOTHING[answers.question])
        if answers.since is not None:
            since = _("{reason} since {day}")
            reason = since.format(reason=reason, day=language.day(answers.since))
        raise FitError(reason)
