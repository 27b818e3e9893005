"""Whether to continue, extend, mend or stop the programme, by stated rules, and on what conditions.

What was spent is spent: the decision looks at what is still to come. With the chance that its net present value is
above zero, the bound `likely` for it (0.8 unless stated), and the strength of the evidence for the effect:

- stop: the chance is at most one minus the bound, and the evidence is not weak; or not even the claims pay;
- extend: at least the bound, evidence strong or moderate, and a segment in which reaching more customers pays;
- continue: the same, without such a segment;
- mend: all else. Where the evidence is weak or there is none, that means to measure before more is spent.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import pandas as pd

from crmlab.intervals import Estimate
from crmlab.messages import N_, _, sentences
from crmlab.roi.budget import REACH, Budget
from crmlab.roi.scenarios import break_even
from crmlab.roi.simulation import Simulation

EXTEND, CONTINUE, MEND, STOP = N_("Extend"), N_("Continue"), N_("Mend"), N_("Stop")
_VERDICTS = {
    EXTEND: N_(
        "Extend the programme: what is still to come pays in {chance} of simulated futures, and more could gain."
    ),
    CONTINUE: N_("Continue the programme: what is still to come pays in {chance} of simulated futures."),
    MEND: N_("Mend the programme before more is spent: what is still to come pays in {chance} of simulated futures."),
    STOP: N_("Stop the programme: what is still to come pays in only {chance} of simulated futures."),
}
# the evidence is weak, or there is none
_MEASURE = N_(
    "Measure the programme's effect before more is spent: what is still to come pays in {chance} of simulated futures, "
    "but only if the effect is what it seems."
)
_NOT_DRAWN = {
    MEND: N_("Measure the programme's effect before more is spent: how sure its return is, nobody can tell yet."),
    STOP: N_("Stop the programme: not even what is claimed of it pays."),
}
_EVIDENCE = {
    "strong": N_("The evidence for its effect is strong."),
    "moderate": N_("The evidence for its effect is moderate."),
    "weak": N_("The evidence for its effect is weak."),
    None: N_("No effect was measured: the figures rest on claims."),
}
MEASURE = N_("Leave out a tenth of the customers whom the programme would reach next, drawn at random, and compare.")


@dataclass(frozen=True, eq=False)
class Decision:
    """What to do with the programme.

    Attributes
    ----------
    verdict
        `EXTEND`, `CONTINUE`, `MEND` or `STOP`.
    chance
        That what is still to come pays (or the whole, where nothing is to come), from 0 to 1; its interval is that of
        the simulation alone. None where nothing is drawn.
    strength
        Of the evidence for the effect: `strong`, `moderate`, `weak`; None where none was measured.
    conditions
        What must stay true, or be done, each a sentence.
    paid
        Net present value of the whole programme, what was spent included.
    """

    labels: ClassVar[dict[str, str]] = {"condition": N_("Condition")}

    verdict: str
    chance: Estimate | None
    strength: str | None
    conditions: tuple[str, ...]
    paid: Estimate

    def table(self) -> pd.DataFrame:
        """One row per condition, each a sentence."""
        return pd.DataFrame({"condition": list(self.conditions)}, dtype=object)

    def summary(self) -> str:
        """What to do, how strong the evidence is, and the net present value of the whole programme."""
        return sentences(self.headline(), self.reasons())

    def headline(self) -> str:
        """What to do, in a sentence."""
        if self.chance is None:
            return _(_NOT_DRAWN[self.verdict])
        measure = self.verdict == MEND and self.strength in (None, "weak")
        return _(_MEASURE if measure else _VERDICTS[self.verdict]).format(chance=_chance(self.chance))

    def reasons(self) -> str:
        """The evidence, and what the programme as a whole returns, what was spent included."""
        whole = _("With what was spent already, its net present value is {npv} {evidence}.")
        return sentences(self.evidence(), whole.format(npv=self.paid.text(), evidence=self.paid.evidence()))

    def evidence(self) -> str:
        """How strong the evidence for the effect is, in a sentence."""
        return _(_EVIDENCE[self.strength])


def decide(
    whole: Simulation,
    ahead: Simulation | None = None,
    *,
    strength: Literal["strong", "moderate", "weak"] | None = None,
    budget: Budget | None = None,
    likely: float = 0.8,
) -> Decision:
    """Judge a programme by the rules above.

    Parameters
    ----------
    whole, ahead
        The programme simulated in all, and what is still to come of it; None where its plans end.
    strength
        Of the evidence for the effect; None where none was measured.
    budget
        Segments in which more customers could be reached.
    likely
        Chance of paying that is asked for, from 0.5 to less than 1.

    Raises
    ------
    ValueError
        If `likely` is out of bounds, `strength` is none of those, or it is None where an effect was measured.
    """
    if not 0.5 <= likely < 1:
        raise ValueError(f"`likely` must be a chance from 0.5 to less than 1, got {likely}")
    if strength not in _EVIDENCE:
        raise ValueError(f"`strength` must be strong, moderate, weak or None, got {strength!r}")
    judged = whole if ahead is None else ahead
    measured = judged.programme.effect is not None
    if not measured:
        strength = None
    elif strength is None:
        raise ValueError("the effect was measured: `strength` must say how strong the evidence is")
    drawn = judged.probability
    if measured and drawn is None:
        strength = "weak"  # an effect without an interval
    chance = drawn.value if drawn is not None else float(judged.npv.value > 0)
    more = 0 if budget is None else int(budget.segments["customers"].sum())
    verdict = MEND
    if chance <= 1 - likely and strength != "weak":
        verdict = STOP
    elif chance >= likely and strength in ("strong", "moderate"):
        verdict = EXTEND if more else CONTINUE
    conditions = _conditions(verdict, judged, strength, budget)
    return Decision(verdict, drawn, strength, conditions, whole.npv)


def _conditions(verdict: str, judged: Simulation, strength: str | None, budget: Budget | None) -> tuple[str, ...]:
    found = []
    if verdict != STOP:
        found += break_even(judged.programme).told()
        if strength != "strong":
            found.append(_(MEASURE))
    if verdict == EXTEND:
        groups = budget.table()[(budget.segments["verdict"] == REACH).to_numpy()]
        found += [
            _("Extend to {group}, where one more customer brings {gain} {evidence} net.").format(
                group=row.group, gain=row.gain.text(), evidence=row.gain.evidence()
            )
            for row in groups[groups["customers"] > 0].itertuples()
        ]
    if verdict == STOP:
        found.append(_("Check first what stopping itself would cost: it is not among the flows."))
    return tuple(found)


def _chance(chance: Estimate) -> str:
    if chance.value in (0, 1):
        return chance.text()
    # 100.0% would claim more than was drawn
    if chance.value > 0.999:
        return _("more than 99.9%")
    return _("less than 0.1%") if chance.value < 0.001 else chance.text()
