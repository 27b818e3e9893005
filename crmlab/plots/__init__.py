"""One function per figure: `(result, ax=None) -> Axes`. Its title is the finding, its label the finding in words.

`figure` draws one for a notebook and its report. Without `ax`, axes are made. Intervals are those of the result; groups
of too few customers to be told of are left out. seaborn and matplotlib are imported when something is drawn, not
before.
"""

from crmlab.plots.acquisition import cac_by_month
from crmlab.plots.alerts import alerts_by_kind
from crmlab.plots.back_test import outcome_by_score
from crmlab.plots.churn import cohort_triangle, retention_by_period, retention_projection, survival_curves
from crmlab.plots.contribution import cac_by_channel, contribution_by_group, revenue_bridge
from crmlab.plots.credit import calibration_plot, overdue_ageing, value_risk_map
from crmlab.plots.debt_service import capacity_under_stress, cover_under_stress, retained_revenue
from crmlab.plots.diagnosis import indicator_scores, score_course, score_movement, score_overview
from crmlab.plots.hazard import churn_calibration, driver_forest, lift_by_decile
from crmlab.plots.house import Figure, figure
from crmlab.plots.nps import control_chart, score_by_group, score_distribution, weighted_beside_unweighted
from crmlab.plots.nps_drivers import (
    driver_effects,
    importance_performance_map,
    payoff_retention,
    payoff_spend,
    payoff_value,
    service_targets,
    service_times,
)
from crmlab.plots.outlook import existing_potential_future, tornado
from crmlab.plots.roi import cumulative_return, flows_by_category, npv_distribution, return_scenarios, return_tornado
from crmlab.plots.strategies import segment_map, strategies_by_stake
from crmlab.plots.themes import theme_trends, themes_by_size
from crmlab.plots.tracking import tracking_by_week, tracking_so_far
from crmlab.plots.uplift import effect_by_design, effect_by_group, event_study, qini_curve
from crmlab.plots.value import holdout_by_frequency, pareto_curve, rfm_map, value_by_decile
from crmlab.plots.warning import profit_curve, value_at_risk_by_rank, value_at_risk_by_reason, worth_of_retention

__all__ = [
    "Figure",
    "alerts_by_kind",
    "cac_by_channel",
    "cac_by_month",
    "calibration_plot",
    "capacity_under_stress",
    "churn_calibration",
    "cohort_triangle",
    "contribution_by_group",
    "control_chart",
    "cover_under_stress",
    "cumulative_return",
    "driver_effects",
    "driver_forest",
    "effect_by_design",
    "effect_by_group",
    "event_study",
    "existing_potential_future",
    "figure",
    "flows_by_category",
    "holdout_by_frequency",
    "importance_performance_map",
    "indicator_scores",
    "lift_by_decile",
    "npv_distribution",
    "outcome_by_score",
    "overdue_ageing",
    "pareto_curve",
    "payoff_retention",
    "payoff_spend",
    "payoff_value",
    "profit_curve",
    "qini_curve",
    "retained_revenue",
    "retention_by_period",
    "retention_projection",
    "return_scenarios",
    "return_tornado",
    "revenue_bridge",
    "rfm_map",
    "score_by_group",
    "score_course",
    "score_distribution",
    "score_movement",
    "score_overview",
    "segment_map",
    "service_targets",
    "service_times",
    "strategies_by_stake",
    "survival_curves",
    "theme_trends",
    "themes_by_size",
    "tornado",
    "tracking_by_week",
    "tracking_so_far",
    "value_at_risk_by_rank",
    "value_at_risk_by_reason",
    "value_by_decile",
    "value_risk_map",
    "weighted_beside_unweighted",
    "worth_of_retention",
]
