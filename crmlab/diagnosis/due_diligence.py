"""Due diligence, 尽职调查: what a lender to the firm finds in its customer base, and what to ask for before lending.

Each figure is held against what the diagnosis asks of it (`crmlab.diagnosis.indicators`): sound where its whole
interval reaches the target, weak where the figure itself lies nearer to the floor than to the target, else to watch.
A doubt thus counts against the firm, and what is not known is no pass: the data are asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from crmlab import language
from crmlab.diagnosis.aspects import ASPECTS, VERDICTS, Finding
from crmlab.diagnosis.debt_capacity import DebtCapacity
from crmlab.diagnosis.debt_service import DebtService
from crmlab.diagnosis.indicators import Indicator
from crmlab.diagnosis.retained_revenue import RetainedRevenue
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, listed, sentences

# from so many customers on, a base counts as large
LARGE = 1_000
_SECOND_YEAR = Indicator(
    "second_year_revenue", "retention", "crm_diagnosis", 0.60, 0.85, label=N_("Second year’s revenue of the first’s")
)
_COVER = N_("Least debt-service cover")


@dataclass(frozen=True, eq=False)
class DueDiligence:
    """What a lender finds.

    Attributes
    ----------
    findings
        One per figure, by aspect.
    customers
        How many there are; None where nobody counted them.
    capacity
        The largest loan, which is asked for where the one given is not covered; None where it is not known.
    """

    labels: ClassVar[dict[str, str]] = {
        "aspect": N_("Aspect"), "measure": N_("Figure"), "value": N_("Found"), "interval": N_("Interval"),
        "goal": N_("Asked for"), "verdict": N_("Verdict"), "condition": N_("Condition"),
    }  # fmt: skip
    formats: ClassVar[dict[str, str]] = dict.fromkeys(labels, "text")

    findings: tuple[Finding, ...]
    customers: int | None
    capacity: DebtCapacity | None

    def of(self, aspect: str) -> str:
        """Verdict on an aspect: the worst of its figures; not known only where none of them is."""
        found = {finding.verdict for finding in self.findings if finding.aspect == aspect}
        return next((verdict for verdict in ("weak", "watch", "sound") if verdict in found), "unknown")

    def table(self) -> pd.DataFrame:
        """One row per figure: what was found, what is asked for, and the verdict, in words."""
        rows = [
            {
                "aspect": _(ASPECTS[each.aspect].title),
                "measure": _(each.label),
                "value": each.found.text() if each.found else None,
                "interval": each.found.bounds() if each.found else None,
                "goal": each.goal() if each.found and each.sound is not None else None,
                "verdict": _(VERDICTS[each.verdict]),
            }
            for each in self.findings
        ]
        return pd.DataFrame(rows)

    def conditions(self) -> pd.DataFrame:
        """One row per condition: what is weak or to watch in an aspect, and what is not known of it."""
        rows = []
        for name, aspect in ASPECTS.items():
            of_aspect = [finding for finding in self.findings if finding.aspect == name]
            asked = [finding for finding in of_aspect if finding.verdict in ("weak", "watch")]
            missing = [finding for finding in of_aspect if finding.found is None]
            for findings, verdict, message, told in (
                (asked, self.of(name), aspect.condition, [finding.goal(aspect.covenant) for finding in asked]),
                (missing, "unknown", aspect.data, [_(finding.label) for finding in missing]),
            ):
                if findings:
                    rows.append(
                        {
                            "aspect": _(aspect.title),
                            "verdict": _(VERDICTS[verdict]),
                            "condition": _(message).format(measures=listed(told)),
                        }
                    )
        if self.capacity is not None and self.of("cover") != "sound":
            rows.append({"aspect": _(ASPECTS["cover"].title), "verdict": _(VERDICTS[self.of("cover")]),
                         "condition": self.capacity.summary()})  # fmt: skip
        return pd.DataFrame(rows, columns=["aspect", "verdict", "condition"])

    def summary(self) -> str:
        """What stands out, and whether to lend."""
        return sentences(self._stands_out(), self.decision(), self._counts())

    def _stands_out(self) -> str:
        """The cases in which a good look of the whole misleads."""
        told = []
        worst = {
            aspect: next((each for each in self.findings if each.aspect == aspect and each.verdict == "weak"), None)
            for aspect in ("satisfaction", "dependence", "cover")
        }
        values = {
            name: {"label": _(each.label), "found": each.found.text(), "evidence": each.found.evidence()}
            for name, each in worst.items()
            if each
        }
        if worst["satisfaction"]:
            message = _("The customers are not satisfied: {label} {found} {evidence}.")
            if (self.customers or 0) >= LARGE:
                message = _(
                    "The customer base is large but dissatisfied: {n} customers, {label} {found} {evidence}. What "
                    "they bring today says little of what they will bring."
                )
            told.append(message.format(n=language.number(self.customers or 0), **values["satisfaction"]))
        if worst["dependence"]:
            told.append(
                _("Revenue hangs on a few key accounts: {label} {found} {evidence}.").format(**values["dependence"])
            )
        if worst["cover"]:
            told.append(_("Debt service is not covered: {label} {found} {evidence}.").format(**values["cover"]))
        return sentences(*told)

    def decision(self) -> str:
        """Whether to lend on these customers."""
        verdicts = [self.of(aspect) for aspect in ASPECTS]
        if verdicts.count("unknown") * 2 >= len(verdicts):
            return _("Too little is known to lend on these customers: ask for the data first.")
        if "weak" in verdicts:
            return _("Lend on these customers only under the conditions below.")
        if set(verdicts) == {"sound"}:
            return _("Nothing in the customer base speaks against lending.")
        return _("The customer base carries a loan if the conditions below are kept.")

    def _counts(self) -> str:
        """Aspects by verdict, the worst first."""
        message = {
            "weak": N_("Weak: {aspects}."),
            "watch": N_("To watch: {aspects}."),
            "unknown": N_("Not known: {aspects}."),
            "sound": N_("Sound: {aspects}."),
        }
        told = []
        for verdict, text in message.items():
            named = [_(aspect.title) for name, aspect in ASPECTS.items() if self.of(name) == verdict]
            if named:
                told.append(_(text).format(aspects=listed(named)))
        return sentences(*told)


def due_diligence(
    metrics: Mapping[str, Estimate],
    indicators: Iterable[Indicator],
    *,
    revenue: RetainedRevenue | None = None,
    service: DebtService | None = None,
    capacity: DebtCapacity | None = None,
) -> DueDiligence:
    """What the figures say to a lender.

    Parameters
    ----------
    metrics
        By the names under which the notebooks publish them; those that are missing are asked for.
    indicators
        What the client is held to, as `crmlab.diagnosis.targets.indicators` gives them.
    revenue, service, capacity
        Of today's customers over the term, of the loan, and the largest loan; None where they cannot be had.
    """
    known = dict(metrics) | (revenue.metrics() if revenue else {}) | (service.metrics() if service else {})
    if revenue and "top_10_share" not in known:
        known["top_10_share"] = list(revenue.largest.values())[-1]
    judged = {each.name: each for each in (*indicators, _SECOND_YEAR)}
    findings = [
        _finding(aspect, judged[name], known.get(name))
        for aspect, about in ASPECTS.items()
        for name in about.measures
        if name in judged
    ]
    covenant = service.loan.covenant if service else None
    cover = known.get("debt_service_cover") if service else None
    findings.append(Finding("cover", _COVER, cover, covenant, covenant, False))
    counted = known.get("customers")
    customers = int(counted.value) if counted else revenue.customers if revenue else None
    return DueDiligence(tuple(findings), customers, capacity)


def _finding(aspect: str, indicator: Indicator, found: Estimate | None) -> Finding:
    if not indicator.is_scored:
        return Finding(aspect, indicator.label, found, None, None, indicator.lower_is_better)
    middle = (indicator.floor + indicator.target) / 2
    return Finding(aspect, indicator.label, found, indicator.target, middle, indicator.lower_is_better)
