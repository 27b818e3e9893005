"""What is judged: each indicator's part, its weight, and the values at which it scores nothing and everything.

An indicator scores 0 at its floor or worse, 100 at its target or better, and in proportion between them. Where the
floor lies above the target, lower is better. Targets are what the field asks of a firm that finances projects
(satisfaction 95%, retention 85%), or what lenders take as sound; a client's file puts its own in their place.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from crmlab.messages import N_

_VALUE, _CHURN, _NPS, _ROI, _OWN = (
    "value_analysis", "churn_modelling", "nps_analysis", "roi_evaluation", "crm_diagnosis",
)  # fmt: skip

# the four parts of the field and risk beside them, each with its weight in the whole: value pays, what is known of the
# customers is but the ground for it, and the others count alike
PARTS = {
    "understanding": (N_("Customer understanding"), 0.15),
    "value": (N_("Customer value"), 0.25),
    "experience": (N_("Customer experience"), 0.20),
    "retention": (N_("Customer retention"), 0.20),
    "risk": (N_("Risk"), 0.20),
}
# titles of the notebooks
SOURCES = {
    _VALUE: N_("Value analysis"),
    _CHURN: N_("Churn modelling"),
    _NPS: N_("NPS and satisfaction"),
    _ROI: N_("Return on the CRM programme"),
    _OWN: N_("CRM diagnosis"),
}
# shown without ends of their own; of these, lower is better
_LOWER = ("cac", "churn_rate")


@dataclass(frozen=True)
class Indicator:
    """One line of the diagnosis.

    Attributes
    ----------
    name
        The metric that it reads, as its notebook publishes it.
    part
        One of `PARTS`.
    source
        The notebook that publishes it.
    floor, target
        Values that score 0 and 100, in the metric's own unit (shares as fractions); None where it is only shown.
    weight
        Within its part, relative to the others there; 0 where it is only shown.
    label
        Its short name, in English; translated where it is shown.
    unjudged
        Why it is not scored though it should be, in English; empty where it is, or where it is only shown.
    """

    name: str
    part: str
    source: str
    floor: float | None = None
    target: float | None = None
    weight: float = 1.0
    label: str = ""
    unjudged: str = ""

    @property
    def is_scored(self) -> bool:
        """Whether it counts in the score: with both ends and a weight above 0; else it is only shown."""
        return self.floor is not None and self.target is not None and self.weight > 0

    @property
    def lower_is_better(self) -> bool:
        """Whether less is better, as it is where the floor lies above the target."""
        if self.floor is None or self.target is None:
            return self.name in _LOWER
        return self.floor > self.target

    def score(self, value):
        """0 to 100 for a value, or an array of them; higher is better, NaN where the value is. Needs both ends."""
        share = (np.asarray(value, dtype=float) - self.floor) / (self.target - self.floor)
        return 100 * np.clip(share, 0.0, 1.0)


DEFAULTS = (
    # with half of the fields empty, customers cannot be told apart; the last twentieth is never filled
    Indicator("data_completeness", "understanding", _OWN, 0.50, 0.95, 2, N_("Data completeness")),
    # one in twenty answers is whoever is angry; three in ten is good among firms
    Indicator("response_rate", "understanding", _NPS, 0.05, 0.30, 1, N_("Survey responses")),
    # at 1 winning a customer brings nothing; 3 is the usual rule
    Indicator("clv_to_cac", "value", _VALUE, 1.0, 3.0, 2, N_("CLV/CAC")),
    # a tenth lost a year endangers debt service; a tenth gained outgrows most markets
    Indicator("revenue_growth", "value", _VALUE, -0.10, 0.10, 2, N_("Revenue growth")),
    # firms win about one opportunity in five
    Indicator("conversion_rate", "value", _VALUE, 0.10, 0.30, 1, N_("Conversion rate")),
    # a project that fails is a loan at risk: a coin's toss is nothing, nine in ten is sound
    Indicator("project_success_rate", "value", _VALUE, 0.50, 0.90, 1, N_("Project success")),
    # below nothing, the programme costs more than it brings
    Indicator("roi", "value", _ROI, 0.0, 0.50, 1, N_("Return on CRM")),
    # money and counts depend on the trade: shown, and scored where the client sets a target
    Indicator("clv_mean", "value", _VALUE, label=N_("Mean CLV")),
    Indicator("cac", "value", _VALUE, label=N_("CAC")),
    Indicator("new_customers_per_month", "value", _VALUE, label=N_("New customers a month")),
    # the field asks for 95%; below 70% three in ten are let down
    Indicator("csat", "experience", _NPS, 0.70, 0.95, 2, N_("Satisfaction (CSAT)")),
    # 50 is held to be excellent in any trade; below −20 detractors prevail clearly
    Indicator("nps", "experience", _NPS, -20.0, 50.0, 2, N_("NPS")),
    # speed is told by its middle and by what was promised: half a weight for each
    Indicator("response_median_hours", "experience", _NPS, 24.0, 4.0, 0.5, N_("Response time")),
    Indicator("response_within", "experience", _NPS, 0.50, 0.90, 0.5, N_("Answered on time")),
    # within two working days is good service, a week is none
    Indicator("resolution_median_hours", "experience", _NPS, 168.0, 48.0, 0.5, N_("Resolution time")),
    Indicator("resolution_within", "experience", _NPS, 0.50, 0.90, 0.5, N_("Resolved on time")),
    # one in five solved twice is work for nothing; one in twenty is left by chance
    Indicator("reopen_rate", "experience", _NPS, 0.20, 0.05, 1, N_("Reopened cases")),
    # the field asks for 85% a year; at 60% the customers are new ones after two years
    Indicator("retention_rate", "retention", _CHURN, 0.60, 0.85, 3, N_("Retention rate")),
    # stands in for retention without contracts: buying again within a year is a weaker tie
    Indicator("repurchase_rate", "retention", _CHURN, 0.30, 0.70, 3, N_("Repurchase rate")),
    # says of contracts that came to their end what retention says of all: a third of its weight
    Indicator("renewal_rate", "retention", _CHURN, 0.60, 0.90, 1, N_("Renewal rate")),
    # the complement of retention: scored, it would count twice
    Indicator("churn_rate", "retention", _CHURN, weight=0, label=N_("Churn rate")),
    # ten customers with a fifth of revenue can be replaced, with three fifths not
    Indicator("top_10_share", "risk", _VALUE, 0.60, 0.20, 2, N_("Top-10 share")),
    # a fiftieth late is friction; at 15% customers lend from the firm
    Indicator("overdue_share", "risk", _VALUE, 0.15, 0.02, 2, N_("Overdue share")),
    # defaults and the loss expected from them say much the same: half the weight of the others
    Indicator("default_rate", "risk", _VALUE, 0.10, 0.02, 1, N_("Default rate")),
    Indicator("expected_credit_loss_rate", "risk", _VALUE, 0.10, 0.01, 1, N_("Expected loss")),
)

# what differs by trade and by region; others are the defaults
PRESETS: dict[str, dict[str, dict[str, float]]] = {
    "general": {},
    # a technician has to travel, and customers are few and large
    "equipment_leasing": {
        "resolution_median_hours": {"floor": 240.0, "target": 72.0},
        "top_10_share": {"floor": 0.70, "target": 0.30},
    },
    # customers are many, small and free to stay away at any moment; no tenth of the revenue may hang on ten of them
    "retail": {
        "repurchase_rate": {"floor": 0.20, "target": 0.60},
        "top_10_share": {"floor": 0.20, "target": 0.05},
    },
    # contracts run on by themselves, and a question is answered within the day
    "telecom": {
        "retention_rate": {"floor": 0.70, "target": 0.90},
        "resolution_median_hours": {"floor": 72.0, "target": 8.0},
        "top_10_share": {"floor": 0.20, "target": 0.05},
    },
    # answers keep to the middle of a scale: of the same customers fewer are promoters (Chen, Lee and Stevenson 1995)
    "east_asia": {"nps": {"floor": -35.0, "target": 35.0}},
}


def nearest(name: str, known: Iterable[str]) -> str:
    """End of an error message: the nearest known name, or all of them if none is near."""
    names = list(known)
    near = get_close_matches(str(name), names, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(names))}"
