"""What is true of Xinglin Leasing: every parameter the simulation draws from.

The generators read `TRUTH`, and `xinglin` writes it beside the tables with what one draw made of it, so that what a
test compares with is what made the data. Money is in CNY, rates are fractions, times carry their unit.
"""

from datetime import date
from typing import Any

ACQUIRED_FROM = date(2022, 1, 1)
ACQUIRED_TO = date(2025, 6, 30)
AS_OF = date(2026, 9, 30)

SEASON = (1.25, 0.85, 0.90, 0.85, 0.80, 0.80, 0.85, 0.95, 1.10, 1.30, 1.25, 1.10)

TRUTH: dict[str, Any] = {
    "_about": "The parameters that made these tables; `realised` values are what this draw made of them.",
    "dates": {
        "_about": "Customers are won between the first two days; the tables end on the third.",
        "acquired_from": ACQUIRED_FROM.isoformat(),
        "acquired_to": ACQUIRED_TO.isoformat(),
        "as_of": AS_OF.isoformat(),
    },
    "latent": {
        "_about": (
            "Hidden standard normal scores. Activity, experience and size are independent of one another; credit "
            "quality is a weighted sum of them and of noise, with variance one. Activity orders the purchase "
            "rates, size the mean spend, experience (reversed) the chances of dropping out."
        ),
        "credit_weights": {"activity": 0.4, "experience": 0.3, "size": 0.3},
    },
    "purchases": {
        "_about": (
            "BG/NBD: after the first purchase on the day the customer is won, purchases at a Gamma(r, rate alpha) "
            "rate a week until the customer drops out, after each repeat purchase with a Beta(a, b) chance."
        ),
        "model": "bg_nbd",
        "time_unit": "week",
        "r": 1.3,
        "alpha": 6.0,
        "a": 0.8,
        "b": 10.0,
    },
    "spend": {
        "_about": (
            "Gamma-Gamma: an amount is Gamma(p, rate nu), nu is Gamma(q, rate v) and independent of the purchase "
            "rate. The mean spend is p v / (q - 1). Refunds are not part of it."
        ),
        "model": "gamma_gamma",
        "p": 5.0,
        "q": 5.0,
        "v": 4800.0,
    },
    "refunds": {
        "_about": (
            "A purchase is refunded in part with this chance; a refund due after the as-of date is not in the data."
        ),
        "probability": 0.025,
        "fraction": 0.4,
        "days_after_low": 3,
        "days_after_high": 21,
    },
    "margin": {
        "_about": (
            "Margin is the amount times a Normal(rate, rate_sd) rate; a refund takes back its share of the margin."
        ),
        "rate": 0.30,
        "rate_sd": 0.04,
    },
    "programme": {
        "_about": (
            "Planned maintenance in place of emergency orders, rolled out in waves that were drawn at random "
            "within each industry. From `from_date` on it adds `margin_rate_added` to the margin rate of every "
            "purchase, and changes neither when nor how much customers buy, nor their satisfaction."
        ),
        "waves": ["2025-07-01", "2025-10-01", "2026-01-01"],
        "wave_share": 0.2,
        "margin_rate_added": 0.09,
        "relative_effect_on_margin": 0.30,
        "effect_on_revenue": 0.0,
        "cost_per_customer": 450.0,
        "cost_per_customer_sd": 60.0,
    },
    "service": {
        "_about": (
            "The service a customer can expect, recorded among the covariates of `contracts`; exp(log_median + "
            "experience x score + sd x noise), but resolved_share is the logistic function of the same sum. "
            "Service cases vary around it."
        ),
        "response_hours": {"log_median": 2.08, "experience": -0.45, "sd": 0.35},
        "delivery_delay_days": {"log_median": 1.10, "experience": -0.35, "sd": 0.40},
        "complaints_per_year": {"log_median": -0.22, "experience": -0.50, "sd": 0.30},
        "resolved_share": {"logit_median": 1.60, "experience": 0.60, "sd": 0.40},
        "days_past_due": {"log_median": 1.39, "credit": -0.60, "sd": 0.50},
    },
    "satisfaction": {
        "_about": (
            "The covariate `satisfaction` of `contracts`, 1 to 5: mean + slope x (linear predictor of NPS - "
            "centre) + sd x noise, clipped."
        ),
        "mean": 3.6,
        "slope": 0.45,
        "centre": 0.5,
        "sd": 0.35,
    },
    "churn": {
        "_about": (
            "Monthly logit hazard of a contract's end, in the k-th month of the contract, from the covariates of "
            "`contracts` in their units there. A contract that leaves in month k ends k months after its start, "
            "less a day."
        ),
        "model": "discrete_logit",
        "time_unit": "month",
        "intercept": -4.3,
        "satisfaction_less_3_6": -0.6,
        "response_hours": 0.03,
        "complaints_per_year": 0.35,
        "days_past_due": 0.04,
        "log_tenure_months": -0.25,
    },
    "nps": {
        "_about": (
            "Ordinal logit of the answer 0 to 10: it is at most k when the linear predictor plus standard "
            "logistic noise is at most threshold k. Drivers are the covariates of `contracts` in their units "
            "there."
        ),
        "model": "ordinal_logit",
        "thresholds": [-5.0, -4.4, -3.7, -3.0, -2.4, -1.6, -0.7, 0.2, 1.2, 2.3],
        "drivers": {
            "response_hours": -0.08,
            "delivery_delay_days": -0.20,
            "complaints_per_year": -0.70,
            "resolved_share": 3.20,
        },
    },
    "csat": {
        "_about": ("The same sum and noise as NPS, plus Normal(0, sd), cut at these points: an answer of 1 to 5."),
        "scale": [1, 5],
        "thresholds": [-3.6, -2.0, -0.2, 1.8],
        "sd": 0.6,
    },
    "survey_response": {
        "_about": (
            "Every half year a running contract's customer is invited with a chance of `invited`, and answers "
            "with a logit chance that rises with satisfaction: answers flatter the base. `anonymous` is the share "
            "of answers without id."
        ),
        "invited": 0.9,
        "intercept": -0.3,
        "satisfaction_less_3_6": 1.0,
        "commented": 0.6,
        "anonymous": 0.02,
    },
    "default": {
        "_about": (
            "Logit chance that a customer stops paying for good at one of the first nine instalments (each "
            "alike). Rating grades count 0 for A to 4 for E. Nobody defaults later, and all others pay within 60 "
            "days."
        ),
        "model": "logit",
        "intercept": -4.0,
        "rating_grade": 0.60,
        "log10_registered_capital_in_millions": -0.60,
        "risk_tolerance_进取": 0.70,
    },
    "ratings": {
        "_about": ("Letters for credit quality, best first: at or above the first cut A, the second B, and so on."),
        "cuts": [1.1, 0.3, -0.5, -1.3],
    },
    "opportunities": {
        "_about": (
            "Logit chance that an opportunity after the first is won; the first one won the customer. A year "
            "brings per_year x exp(activity x score) of them."
        ),
        "per_year": 0.9,
        "activity": 0.3,
        "intercept": -0.4,
        "satisfaction_less_3_6": 0.6,
    },
    "interactions": {
        "_about": (
            "Service cases a year while the contract runs, beside the complaints; each exp(activity x score) times."
        ),
        "per_year": {"报修": 1.5, "配送延误": 1.1, "咨询": 0.9},
        "activity": 0.25,
        "response_shape": 1.5,
        "hours_to_resolve": 40.0,
    },
    "acquisition": {
        "_about": (
            "Mean cost of winning one customer, by channel; a month's spend varies around it by a factor with this sd."
        ),
        "cost_per_customer": {"展会": 9000.0, "代理商": 6500.0, "转介绍": 2500.0, "线上": 4200.0, "直销": 12000.0},
        "factor_sd": 0.08,
    },
    "season": {
        "_about": (
            "Monthly multipliers, January first, mean one: of acquisition, opportunities and service cases. "
            "Purchases have no season, for BG/NBD knows none."
        ),
        "multipliers": list(SEASON),
    },
}
