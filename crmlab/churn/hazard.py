r"""What makes customers leave: a discrete-time hazard model of the person-period panel.

The chance :math:`h` to leave in a period, given that one has not left before, follows

.. math:: \ln \frac{h}{1 - h} = \alpha + \gamma \ln(\text{months}) + \beta^\top x \quad (\text{logit}), \qquad
          \ln(-\ln(1 - h)) = \alpha + \gamma \ln(\text{months}) + \beta^\top x \quad (\text{cloglog}),

whose likelihood is that of independent binomial trials, one for each period at risk. Effects of the second are ratios
of hazards in continuous time, as Cox's are.

References
----------
Allison (1982), Discrete-time methods for the analysis of event histories, Sociological Methodology 13, 61-98. Singer
and Willett (1993), It's about time, Journal of Educational Statistics 18, 155-195.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.binomial import fit_binomial, inverse_link
from crmlab.churn.preparation import (
    FOLLOWS,
    LOG_TENURE,
    MOST_VIF,
    TENURE,
    Covariate,
    design_matrix,
    driver_name,
    effect_name,
    effect_step,
    learn_covariates,
    variance_inflation,
)
from crmlab.intervals import Estimate, z_score
from crmlab.likelihood import model_entry
from crmlab.messages import N_, _, listed, ngettext, sentences

INTERCEPT = "intercept"
_FARTHEST = 700.0  # beyond, exp has no number


@dataclass(frozen=True, eq=False)
class HazardModel:
    """Chance to leave in a period.

    Attributes
    ----------
    covariates
        How each driver is read.
    names, coefficients, low, high, covariance
        Of `intercept` and the columns of the design: change of the log-odds of leaving (with `cloglog`, of the
        logarithm of the hazard) per unit of a column.
    means
        Of the columns over all person-periods: the average customer.
    log_likelihood
        Total over the person-periods; higher is better, among models of the same panel.
    n, events
        Person-periods, and those in which a customer left.
    left_out
        Why drivers are not in the model, by name.
    penalised
        Columns that separate those who left from those who stayed.
    """

    formats: ClassVar[dict[str, str]] = {"effect": "text", "ratio": "estimate"}
    labels_of_table: ClassVar[dict[str, str]] = {"effect": N_("Effect"), "ratio": N_("Odds of leaving, times")}

    covariates: tuple[Covariate, ...]
    names: tuple[str, ...]
    coefficients: np.ndarray
    low: np.ndarray
    high: np.ndarray
    covariance: np.ndarray
    means: np.ndarray
    log_likelihood: float
    n: int
    events: int
    link: str
    left_out: Mapping[str, str]
    penalised: tuple[str, ...]
    confidence_level: float = 0.95

    @property
    def labels(self) -> dict[str, str]:
        """What each driver is called in a sentence."""
        return {covariate.name: driver_name(covariate.name) for covariate in self.covariates}

    def coefficient(self, name: str) -> float:
        """Of a column of the design, or of `intercept`."""
        return float(self.coefficients[self.names.index(name)])

    def standard_error(self, name: str) -> float:
        """Of a column of the design, or of `intercept`, as `coefficient`."""
        place = self.names.index(name)
        return float(np.sqrt(self.covariance[place, place]))

    def probability(self, frame: pd.DataFrame, *, months: int) -> pd.Series:
        """Of leaving within so many periods, 0 to 1; all but the time since the contract began stays as it is.

        Parameters
        ----------
        frame
            One row per customer with the covariates and `tenure_months` as of now, as `aggregate.hazard_data` makes
            it.
        months
            How many periods, each a month.

        Raises
        ------
        ValueError
            If the frame lacks a covariate.
        """
        stays = np.ones(len(frame))
        for step in range(months):
            stays = stays * (1 - inverse_link(self._design(later(frame, step)) @ self.coefficients, self.link))
        return by_customer(frame, 1 - stays, "probability")

    def contributions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Log-odds that each driver adds for each customer, against the average one; above 0 raises the risk."""
        x = (self._design(frame)[:, 1:] - self.means) * self.coefficients[1:]
        owner = [covariate.name for covariate in self.covariates for _column in self._columns(covariate)]
        parts = {
            name: x[:, [place for place, own in enumerate(owner) if own == name]].sum(axis=1) for name in self.labels
        }
        return pd.DataFrame({name: by_customer(frame, values, name) for name, values in parts.items()})

    def table(self) -> pd.DataFrame:
        """One row per effect, the strongest first: `effect` and `ratio`, of odds or, with `cloglog`, of hazards.

        A ratio above 1 raises the risk of leaving; its interval holds 1 where no effect can be told.
        """
        rows = []
        for covariate in self.covariates:
            for name in self._columns(covariate):
                place = self.names.index(name)
                step = effect_step(covariate) if name == covariate.name else 1.0
                ends = [step * each[place] for each in (self.coefficients, self.low, self.high)]
                ratio, low, high = (float(np.exp(np.clip(end, -_FARTHEST, _FARTHEST))) for end in ends)
                effect = effect_name(covariate, name)
                label = _("odds of leaving: {effect}").format(effect=effect)
                if self.link != "logit":
                    label = _("hazard of leaving: {effect}").format(effect=effect)
                estimate = Estimate(ratio, low, high, "ratio", self.n, label, self.confidence_level)
                half = max(ends[2] - ends[1], 1e-12) / 2
                rows.append((covariate.name, effect, estimate, abs(ends[0]) / half))
        frame = pd.DataFrame(rows, columns=["driver", "effect", "ratio", "strength"])
        frame = frame.sort_values("strength", ascending=False, kind="stable", ignore_index=True)
        return frame[["effect", "ratio"]]

    def summary(self) -> str:
        """Which drivers go most clearly with leaving, and which were left out or penalised."""
        told = [row for row in self.table().itertuples() if not row.ratio.low <= 1 <= row.ratio.high]
        counted = {"events": language.number(self.events), "n": language.number(self.n)}
        if not told:
            first = _("No driver can be told to change the risk of leaving; {events} left in {n} customer-months.")
            return sentences(first.format(**counted), self._notes())
        first, *rest = told
        words = {
            "effect": first.effect,
            "ratio": language.number(first.ratio.value, 2),
            "evidence": first.ratio.evidence(),
        }
        message = _("What goes most clearly with leaving is {effect}: {ratio} times the odds {evidence}.")
        if self.link != "logit":
            message = _("What goes most clearly with leaving is {effect}: {ratio} times the hazard {evidence}.")
        also = [
            _("{effect} ({ratio} times)").format(effect=row.effect, ratio=language.number(row.ratio.value, 2))
            for row in rest[:3]
        ]
        more = _("Next come {effects}.").format(effects=listed(also)) if also else ""
        return sentences(message.format(**words), more, self._notes())

    def entry(self) -> dict:
        """What a report's JSON says of the model."""
        params = dict(zip(self.names, map(float, self.coefficients), strict=True))
        errors = {name: self.standard_error(name) for name in self.names}
        return model_entry(params, errors, self.log_likelihood, self.n) | {"events": self.events, "link": self.link}

    def _notes(self) -> str:
        """What was left out, and what separates."""
        left_out = ngettext(
            "Left out, as it is the same for everyone or follows from the others: {drivers}.",
            "Left out, as they are the same for everyone or follow from the others: {drivers}.",
            len(self.left_out),
        ).format(drivers=listed(map(driver_name, self.left_out)))
        owners = [
            covariate.name for covariate in self.covariates if set(self._columns(covariate)) & set(self.penalised)
        ]
        apart = _(
            "All or none of those who left have a certain value of {drivers}: its effect is held finite by a penalty."
        ).format(drivers=listed(map(driver_name, owners)))
        return sentences(left_out if self.left_out else "", apart if owners else "")

    def _columns(self, covariate: Covariate) -> list[str]:
        return [name for name in covariate.names if name in self.names]

    def _design(self, frame: pd.DataFrame) -> np.ndarray:
        columns = design_matrix(later(frame, 0), self.covariates)[list(self.names[1:])].to_numpy(float)
        return np.column_stack([np.ones(len(frame)), columns])


def fit_hazard(rows: pd.DataFrame, *, link: str = "logit", confidence_level: float = 0.95) -> HazardModel:
    """The model of a panel.

    Parameters
    ----------
    rows
        `PersonPeriods.rows`: covariates, `log_tenure_months`, `trials` and `events`. Of covariates that say the same,
        the later gives way.
    link
        `logit` or `cloglog`.

    Raises
    ------
    FitError
        If nobody was at risk, nobody left, or nobody stayed; with `cloglog`, also if a covariate separates the two.
    ValueError
        If `rows` lack `trials` or `events`, or `link` is neither.

    References
    ----------
    Allison (1982), Discrete-time methods for the analysis of event histories, Sociological Methodology 13, 61-98.
    """
    z = z_score(confidence_level)
    missing = [name for name in ("trials", "events") if name not in rows]
    if missing:
        raise ValueError(f"`rows` must have the columns trials and events; missing: {', '.join(missing)}")
    trials, events = rows["trials"].to_numpy(float), rows["events"].to_numpy(float)
    n, left = int(trials.sum()), int(events.sum())
    if not n:
        raise FitError("nobody was at risk of leaving in any period")
    if left in (0, n):
        raise FitError(
            f"{'nobody' if not left else 'everybody'} left in the {n:,} periods at risk, so that nothing tells why"
        )
    learnt, left_out = learn_covariates(rows)
    design = design_matrix(rows, learnt)
    inflation = variance_inflation(design, trials, most=MOST_VIF)
    design = design.loc[:, (inflation <= MOST_VIF).to_numpy()]
    kept = tuple(covariate for covariate in learnt if set(covariate.names) & set(design))
    left_out = left_out | {covariate.name: FOLLOWS for covariate in learnt if covariate not in kept}
    x = np.column_stack([np.ones(len(design)), design.to_numpy(float)])
    fit = fit_binomial(x, events, trials, link=link, z=z)
    names = (INTERCEPT, *design)
    means = np.average(design.to_numpy(float), axis=0, weights=trials)
    ends = (fit.coefficients, np.minimum(fit.low, fit.coefficients), np.maximum(fit.high, fit.coefficients))
    penalised = tuple(names[place] for place in fit.separated)
    return HazardModel(
        kept,
        names,
        *ends,
        fit.covariance,
        means,
        fit.log_likelihood,
        n,
        left,
        link,
        left_out,
        penalised,
        confidence_level,
    )


def later(frame: pd.DataFrame, step: int) -> pd.DataFrame:
    """The same customers so many periods on."""
    if TENURE not in frame:
        return frame
    months = frame[TENURE].to_numpy(float) + step
    return frame.assign(**{TENURE: months, LOG_TENURE: np.log(np.maximum(months, 1.0))})


def by_customer(frame: pd.DataFrame, values: np.ndarray, name: str) -> pd.Series:
    """Values by `customer_id`, where the frame has one."""
    index = pd.Index(frame["customer_id"]) if "customer_id" in frame else frame.index
    return pd.Series(np.asarray(values, dtype=float), index=index, name=name)
