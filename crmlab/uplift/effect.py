"""What the programme caused: the estimate, by which design it was found, and how strong the evidence is."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.uplift.wording import CHECKS, DESIGNS, FOUND, SEEMS, STRENGTH_OF, STRENGTHS, WHY


@dataclass(frozen=True, eq=False)
class ProgrammeEffect:
    """The effect of the programme on those whom it reached.

    Attributes
    ----------
    design, outcome
        `randomised`, `rollout` or `before_after`; `margin` or `revenue`.
    estimate
        Per treated customer-month, in the client's currency (`unit`); above zero, the programme brought more.
        `standard_error` and `degrees_of_freedom` are its own.
    p
        Of the hypothesis that there is none, two-sided, from 0 to 1.
    relative
        The effect as a share of what treated customers would have brought without the programme: 0.1 is a tenth more.
    total
        What it caused to date in currency, over `customer_months`: those of the treated customers that could be
        compared.
    treated, controls
        Customers reached and never reached that are compared. Those reached later serve as a comparison until then.
    months
        Calendar months in which the effect is seen.
    all_customer_months
        Treated customer-months of everybody whom the programme reached; `left_out` customers of them, won too late
        before their start or with nobody like them, are not compared.
    grade
        Of the evidence: `strong`, `moderate`, `weak`, or why it is less than the design could give (`unbalanced`,
        `unchecked`, `diverging`, `untested`).
    events
        `event` (months since the start; below zero before it), `effect` per customer and month with `low` and `high`,
        and treated `customers`.
    waves
        One row per start: `start`, `customers`, `customer_months`, `effect` (per customer and month) and `total`.
    checks
        What would cast doubt on the design: `check`, `estimate` where there is one, `p`, `passed`, and `months` by
        which a placebo is moved back.
    """

    formats: ClassVar[dict[str, str]] = {"customers": "integer", "customer_months": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "start": N_("First whole month"),
        "customers": N_("Customers reached"),
        "customer_months": N_("Customer-months"),
        "effect": N_("Effect per customer and month"),
        "total": N_("Effect to date"),
    }

    design: str
    outcome: str
    estimate: Estimate
    standard_error: float
    degrees_of_freedom: float
    p: float
    relative: Estimate
    total: Estimate
    treated: int
    controls: int
    months: int
    customer_months: int
    all_customer_months: int
    left_out: int
    grade: str
    unit: str
    events: pd.DataFrame
    waves: pd.DataFrame
    checks: pd.DataFrame = field(repr=False)

    @property
    def strength(self) -> str:
        """Of the evidence: `strong`, `moderate` or `weak`."""
        return STRENGTH_OF.get(self.grade, self.grade)

    @property
    def verdict(self) -> str:
        """How strong the evidence is and why, in a sentence."""
        return _(STRENGTHS[self.grade])

    @property
    def why(self) -> str:
        """Why the effect was found by this design, in a sentence."""
        return _(WHY[self.design])

    @property
    def direction(self) -> str:
        """`more`, `less` or `none`: whether the interval leaves out zero, and on which side."""
        return "more" if self.estimate.low > 0 else "less" if self.estimate.high < 0 else "none"

    def table(self) -> pd.DataFrame:
        """`waves`: one row per first whole month with the programme."""
        return self.waves

    def draws(self, count: int, seed: int = 0) -> np.ndarray:
        """Effects per customer-month that the data leave open (Student's t), for a simulation of the return.

        Parameters
        ----------
        count
            How many; the same seed gives the same ones.
        """
        spread = np.random.default_rng(seed).standard_t(self.degrees_of_freedom, count)
        return self.estimate.value + self.standard_error * spread

    def summary(self) -> str:
        """The effect per customer and month with its interval and p; of weak evidence no cause is claimed."""
        shown, found = self.estimate, self.direction
        size = abs(shown.value) if found == "less" else shown.value
        weak = self.strength == "weak" and found != "none"
        message = _((SEEMS if weak else FOUND)[self.outcome, found]).format(
            effect=language.quantity(size, shown.unit, digits=shown.digits),
            evidence=shown.evidence(),
            p=p_words(self.p),
        )
        return sentences(message, self._relative() if found != "none" and not weak else "")

    def _relative(self) -> str:
        if self.relative.low is None:
            return ""
        told = _("To date it brought {total} {evidence}; per customer, {relative} of what there would have been.")
        if self.total.value < 0:
            told = _("To date that makes {total} {evidence}; per customer, {relative} of what there would have been.")
        return told.format(
            total=self.total.text(), evidence=self.total.evidence(), relative=_signed(self.relative.value)
        )

    def design_summary(self) -> str:
        """By which design, over whom, how strong, and who was left out."""
        who = _("{design}: {treated} customers reached, {controls} never reached, {months} months.").format(
            design=_(DESIGNS[self.design]).capitalize(),
            treated=language.number(self.treated),
            controls=language.number(self.controls),
            months=language.number(self.months),
        )
        if self.design == "before_after":
            who = _("{design}: {treated} customers reached at one time, {months} months.").format(
                design=_(DESIGNS[self.design]).capitalize(),
                treated=language.number(self.treated),
                months=language.number(self.months),
            )
            out = ngettext(
                "One customer whom it reached at another time, or soon after winning it, is left out.",
                "{n} customers whom it reached at other times, or soon after winning them, are left out.",
                self.left_out,
            )
        else:
            out = ngettext(
                "One customer whom it reached is not compared, for want of months before or of anybody alike.",
                "{n} customers whom it reached are not compared, for want of months before or of anybody alike.",
                self.left_out,
            )
        out = out.format(n=language.number(self.left_out))
        return sentences(who, self.why, self.verdict, out if self.left_out else "")

    def check_summary(self) -> str:
        """What the checks of the design say."""
        if self.checks.empty:
            return _("No check is possible, for there is no group to compare with.")
        return sentences(*(_check_words(row) for row in self.checks.itertuples()))


def _check_words(row) -> str:
    estimate = "" if row.estimate is None else row.estimate.text()
    message = _(CHECKS[row.check, bool(row.passed)])
    return message.format(p=p_words(row.p), estimate=estimate, months=language.number(row.months))


def check_frame(rows) -> pd.DataFrame:
    """Rows of checks as the frame of `ProgrammeEffect.checks`."""
    return pd.DataFrame(rows, columns=["check", "estimate", "p", "passed", "months"])


def p_words(p: float) -> str:
    """A p value as prose says it: `p = 0.012`, `p < 0.001`."""
    return _("p < 0.001") if p < 0.001 else _("p = {p}").format(p=language.number(p, 3))


def _signed(share: float) -> str:
    return ("+" if share > 0 else "") + language.quantity(share, "share")


def effect_estimate(
    value: float, error: float, freedom: float, *, unit: str, n: int, label: str, level: float
) -> Estimate:
    """An estimate with Student's interval, of at least one degree of freedom; its label is translated."""
    return intervals.from_standard_error(
        float(value),
        float(error),
        unit=unit,
        n=n,
        label=_(label),
        degrees_of_freedom=max(freedom, 1.0),
        confidence_level=level,
    )


def relative_estimate(
    effect: float, level: float, covariance: np.ndarray, freedom: float, *, n: int, label: str, confidence_level: float
) -> Estimate:
    """The effect over what there would have been without it, a share, by the delta method.

    Parameters
    ----------
    effect, level
        Effect, and what there was with it, per customer-month; `covariance` is theirs, with `freedom` degrees.

    Returns
    -------
    Estimate
        Without an interval, and of value 0, where nothing would have been there without the programme.
    """
    without = level - effect
    if not without > 0:
        return Estimate(
            0.0, None, None, "share", n, _(label), confidence_level,
            no_interval=N_("nothing would have been there without the programme"),
        )  # fmt: skip
    slope = np.array([level, -effect]) / without**2
    error = float(np.sqrt(slope @ covariance @ slope))
    return effect_estimate(effect / without, error, freedom, unit="share", n=n, label=label, level=confidence_level)
