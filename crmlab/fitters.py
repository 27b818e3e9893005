"""The way back to the lifetimes library: its fitters, with the parameters that were found here."""

import warnings
from typing import Any

import pandas as pd


def lifetimes_fitter(name: str, params: dict[str, float]) -> Any:
    """The fitter of the lifetimes library called `name` (`BetaGeoFitter`), as if it had found these parameters."""
    # On import, lifetimes sets warning filters and warns of pandas options of its own.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lifetimes
    fitter = getattr(lifetimes, name)()
    fitter.params_ = pd.Series(params)
    return fitter
