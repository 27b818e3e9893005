"""The purchase models side by side: fitted to one period, judged on the next."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmlab.holdout import HoldoutCheck, holdout_check
from crmlab.language import quantity
from crmlab.likelihood import FitError
from crmlab.messages import _, listed, sentences
from crmlab.purchases import PurchaseModel, fit_bg_nbd, fit_mbg_nbd, fit_pareto_nbd

FITS = {"bg_nbd": fit_bg_nbd, "mbg_nbd": fit_mbg_nbd, "pareto_nbd": fit_pareto_nbd}


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """Each model's fit and its test.

    Attributes
    ----------
    models, checks
        By name, of the models that could be fitted.
    failures
        By name, why a model could not be.
    """

    models: dict[str, PurchaseModel]
    checks: dict[str, HoldoutCheck]
    failures: dict[str, str]

    def check(self, name: str) -> HoldoutCheck:
        """The test of one model.

        Raises
        ------
        FitError
            If it could not be fitted to the calibration period; the message says why.
        """
        if name in self.failures:
            raise FitError(f"on the calibration period, {self.failures[name]}")
        return self.checks[name]

    def model(self, name: str) -> PurchaseModel:
        """One of the models, fitted to the calibration period; errors as `check`."""
        self.check(name)
        return self.models[name]

    def table(self) -> pd.DataFrame:
        """One row per model: `log_likelihood` on the calibration period (higher is better), and the forecast after it.

        `predicted` and `actual` are repeat purchases of all customers; `bias` and `mae` as of `HoldoutCheck`.
        """
        rows = [
            {
                "model": model.title,
                "log_likelihood": model.log_likelihood,
                "predicted": self.checks[name].predicted,
                "actual": self.checks[name].actual,
                "bias": self.checks[name].bias,
                "mae": self.checks[name].mae,
            }
            for name, model in self.models.items()
        ]
        return pd.DataFrame(rows, columns=["model", "log_likelihood", "predicted", "actual", "bias", "mae"])

    def summary(self) -> str:
        """Which model came closest, and how far apart they are."""
        ranked = sorted(self.models, key=lambda name: abs(self.checks[name].bias.value))
        best = ranked[0]
        fits = [self.models[name].title for name in ranked if self.checks[name].fits]
        closest = _(
            "The {model} model came closest to the purchases of the later period, with a difference of {difference}."
        ).format(model=self.models[best].title, difference=quantity(self.checks[best].bias.value, "share"))
        accepted = _("The test accepts none of the models.")
        if fits:
            accepted = _("Accepted by the test: {models}.").format(models=listed(fits))
        failed = [_("Not fitted: {reason}.").format(reason=reason) for reason in self.failures.values()]
        return sentences(closest, accepted, *failed)


def fit_purchase_model(
    name: str, customers: pd.DataFrame, *, time_unit: str = "week", confidence_level: float = 0.95
) -> PurchaseModel:
    """Fit the model called `name`: `bg_nbd`, `mbg_nbd` or `pareto_nbd`.

    Parameters
    ----------
    customers
        As `client.customer_summary` gives them.

    Raises
    ------
    FitError
        If the customers cannot carry the model; see `clv.fit_bg_nbd`.
    ValueError
        If `name` or `time_unit` is none of those there are.
    """
    if name not in FITS:
        raise ValueError(f"`name` must be one of {', '.join(FITS)}, got {name!r}")
    return FITS[name](customers, time_unit=time_unit, confidence_level=confidence_level)


def compare_models(
    calibration: pd.DataFrame,
    *,
    time_unit: str = "week",
    confidence_level: float = 0.95,
    draws: int = 200,
    seed: int = 0,
) -> ModelComparison:
    """Fit every model to the calibration period and test its forecast of the holdout period.

    Parameters
    ----------
    calibration
        One row per customer, as `aggregate.calibration_holdout_summary` gives them.

    Raises
    ------
    FitError
        If no model can be fitted.
    """
    models, failures = {}, {}
    for name, fit in FITS.items():
        try:
            models[name] = fit(calibration, time_unit=time_unit, confidence_level=confidence_level)
        except FitError as error:
            failures[name] = str(error)
    if not models:
        raise FitError("; ".join(failures.values()))
    options: dict[str, Any] = {"confidence_level": confidence_level, "draws": draws, "seed": seed}
    checks = {name: holdout_check(model, calibration, **options) for name, model in models.items()}
    return ModelComparison(models, checks, failures)
