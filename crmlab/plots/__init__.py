"""One function per figure: `(result, ax=None) -> Axes`. Its title is the finding, its label the finding in words.

`figure` draws one for a notebook and its report. seaborn and matplotlib are imported when something is drawn, not
before.
"""

from crmlab.plots.acquisition import cac_by_month
from crmlab.plots.contribution import cac_by_channel, contribution_by_group, revenue_bridge
from crmlab.plots.credit import calibration_plot, overdue_ageing, value_risk_map
from crmlab.plots.house import Figure, figure
from crmlab.plots.outlook import existing_potential_future, tornado
from crmlab.plots.tracking import tracking_by_week, tracking_so_far
from crmlab.plots.value import holdout_by_frequency, pareto_curve, rfm_map, value_by_decile

__all__ = [
    "Figure",
    "cac_by_channel",
    "cac_by_month",
    "calibration_plot",
    "contribution_by_group",
    "existing_potential_future",
    "figure",
    "holdout_by_frequency",
    "overdue_ageing",
    "pareto_curve",
    "revenue_bridge",
    "rfm_map",
    "tornado",
    "tracking_by_week",
    "tracking_so_far",
    "value_by_decile",
    "value_risk_map",
]
