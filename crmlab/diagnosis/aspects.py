"""What a lender looks at in a customer base: its sides, what to ask for in each, and the verdict on a figure."""

from dataclasses import dataclass

from crmlab import language
from crmlab.intervals import Estimate
from crmlab.messages import N_, _

VERDICTS = {
    "weak": N_("weak"), "watch": N_("to watch"), "unknown": N_("not known"), "shown": N_("shown only"),
    "sound": N_("sound"),
}  # fmt: skip


@dataclass(frozen=True)
class Aspect:
    """One side of the customer base: its figures, what to ask for where they are not sound, and the data they need.

    A `covenant` is drawn where a figure becomes weak, for it binds from the first day; else the target is asked for.

    Attributes
    ----------
    title, condition, data
        What it is called, what is asked for, and which data it needs, in English; translated where they are shown.
    measures
        Names of the figures, as notebooks publish them.
    """

    title: str
    measures: tuple[str, ...]
    condition: str
    data: str
    covenant: bool = False


ASPECTS = {
    "stability": Aspect(
        N_("Stability"),
        ("retention_rate", "repurchase_rate", "revenue_growth", "second_year_revenue"),
        N_("A covenant reported every quarter, below which nothing more is paid out: {measures}."),
        N_("Supply contracts or transactions of the last three years: {measures}."),
        covenant=True,
    ),
    "dependence": Aspect(
        N_("Dependence"),
        ("top_10_share",),
        N_("A limit; the ten largest are reported every quarter and their receivables assigned: {measures}."),
        N_("Supply revenue by customer: {measures}."),
        covenant=True,
    ),
    "satisfaction": Aspect(
        N_("Satisfaction"),
        ("csat", "nps"),
        N_("A plan with dates, reported every half year: {measures}."),
        N_("Supply surveys of the customers, or make one: {measures}."),
    ),
    "payment": Aspect(
        N_("Payment discipline"),
        ("overdue_share", "default_rate", "expected_credit_loss_rate"),
        N_("Receivables are assigned, overdue ones reported by age every month, until this holds: {measures}."),
        N_("Supply instalments due and paid, by customer: {measures}."),
    ),
    "data": Aspect(
        N_("Data"),
        ("data_completeness", "response_rate"),
        N_("Records are completed and surveys widened before the next review: {measures}."),
        N_("Supply the table of customers and the invitations to surveys: {measures}."),
    ),
    "cover": Aspect(
        N_("Debt service"),
        ("debt_service_cover",),
        N_("A covenant tested every year: {measures}."),
        N_("State amount, term and rate of the loan: {measures}."),
        covenant=True,
    ),
}


@dataclass(frozen=True)
class Finding:
    """One figure, held against what a lender asks.

    Attributes
    ----------
    aspect, label
        One of `ASPECTS`, and the figure's name in English.
    found
        The figure; None where it is not known.
    sound, weak
        The values from which on it is either, in its own unit; None where it is not judged.
    """

    aspect: str
    label: str
    found: Estimate | None
    sound: float | None
    weak: float | None
    lower_is_better: bool

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`: `sound` where the worse end of its interval is, `weak` where the figure itself is."""
        if self.found is None:
            return "unknown"
        if self.sound is None:
            return "shown"
        sign = -1 if self.lower_is_better else 1
        value, low, high = self.found.value, self.found.low, self.found.high
        worst = value if low is None else high if self.lower_is_better else low
        if sign * worst >= sign * self.sound:
            return "sound"
        return "weak" if sign * value < sign * self.weak else "watch"

    def goal(self, covenant: bool = False) -> str:
        """What is asked for: `Retention rate of at least 85.0%`; as a covenant, not to be weak."""
        unit = self.found.unit
        goal = self.weak if covenant else self.sound
        # of bare numbers, two decimals say enough
        goal = language.quantity(goal, unit, digits=2 if unit == "ratio" else None)
        message = _("{measure} of at most {goal}") if self.lower_is_better else _("{measure} of at least {goal}")
        return message.format(measure=_(self.label), goal=goal)
