"""Credit risk of customers: how they pay, how likely they stop, what that would cost, what value is at risk."""

from crmlab.credit.behaviour import default_outcomes, payment_behaviour, utilisation
from crmlab.credit.expected_loss import expected_credit_loss
from crmlab.credit.out_of_time import out_of_time_check
from crmlab.credit.recovery import loss_given_default
from crmlab.credit.scorecard import default_model
from crmlab.credit.tiers import risk_tiers
from crmlab.credit.value_at_risk import risk_adjusted_value, value_by_risk

__all__ = [
    "default_model",
    "default_outcomes",
    "expected_credit_loss",
    "loss_given_default",
    "out_of_time_check",
    "payment_behaviour",
    "risk_adjusted_value",
    "risk_tiers",
    "utilisation",
    "value_by_risk",
]
