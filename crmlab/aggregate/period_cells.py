"""Person-periods with the same covariates as one row each: exactly, or with numbers put into bins first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd

from crmlab.aggregate.engine import DECIMALS, collected

TENURE = ("tenure_months", "log_tenure_months")
SAMPLE = 100_000
_BINS = (48, 32, 20, 14, 10, 8, 7, 6, 5, 4, 3, 2)
_QUANTILES = 401


def exact_rows(panel: nw.LazyFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """One row for each combination of covariates, tenure and segment, with its trials and events."""
    keys = [*columns, TENURE[0], "segment"]
    found = panel.group_by(keys).agg(nw.len().alias("trials"), nw.col("event").sum().alias("events"))
    return with_log_tenure(collected(found))


def with_log_tenure(found: pd.DataFrame) -> pd.DataFrame:
    """With the logarithm of the tenure, which engines give with different last digits."""
    return found.assign(**{TENURE[1]: np.log(found[TENURE[0]].astype(float))})


def binned_rows(panel: nw.LazyFrame, columns: Mapping[str, str], cuts: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """One row for each cell of the bins, at the means of its bins."""
    numbers = list(cuts)
    texts = [name for name in columns if columns[name] == "text"]
    places = [f"_bin {name}" for name in numbers]
    panel = panel.with_columns(*(_place(name, cuts[name]).alias(f"_bin {name}") for name in numbers))
    sums = [nw.col(name).sum() for name in (*numbers, TENURE[0])]
    found = collected(
        panel.group_by([*places, *texts, "segment"]).agg(
            nw.len().alias("trials"), nw.col("event").sum().alias("events"), *sums
        )
    )
    # not the mean of the cell: whoever leaves has fewer periods in it, so that it would tell who did
    for name in (*numbers, TENURE[0]):
        place = found[f"_bin {TENURE[1] if name == TENURE[0] else name}"]
        of_bin = found[name].astype(float).groupby(place).sum() / found["trials"].groupby(place).sum()
        found[name] = place.map(of_bin.round(DECIMALS)).where(place >= 0)
    return found.drop(columns=places)


def affordable_cuts(
    sample: pd.DataFrame, columns: Mapping[str, str], most_rows: int
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Numbers of bins to try, with their cuts: the first that are likely to give few enough rows, then fewer.

    Parameters
    ----------
    sample
        Of the person-periods.
    """
    texts = [name for name in columns if columns[name] == "text"]
    kept = sample[[*texts, "segment"]].astype("category").apply(lambda column: column.cat.codes)
    numbers = [*(name for name in columns if columns[name] == "number"), TENURE[1]]
    curves = {name: _Curve.of(sample[name].dropna().to_numpy(float)) for name in numbers}
    for bins in _BINS:
        cuts = {name: curve.cuts(bins) for name, curve in curves.items()}
        places = {name: _places(sample[name].to_numpy(float), cuts[name]) for name in cuts}
        sizes = kept.assign(**places).value_counts(sort=False).to_numpy()
        once, twice = (sizes == 1).sum(), max((sizes == 2).sum(), 1)
        # those that the sample has not met: Chao (1984)
        if len(sizes) + once**2 / (2 * twice) <= most_rows or bins == _BINS[-1]:
            yield bins, cuts


@dataclass(frozen=True, eq=False)
class _Curve:
    """Of the values of a column: the different ones where they are few, else quantiles."""

    few: np.ndarray | None
    ends: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "_Curve":
        values = np.sort(values)
        different = values[np.concatenate([[True], np.diff(values) > 0])] if len(values) else values
        place = np.linspace(0, max(len(values) - 1, 0), _QUANTILES)
        ends = np.interp(place, np.arange(len(values)), values) if len(values) else np.zeros(_QUANTILES)
        return cls(different if len(different) <= _BINS[0] else None, ends)

    def cuts(self, bins: int) -> np.ndarray:
        """Denser where values are, by the power of 1/3 that leaves least variance within the bins."""
        if self.few is not None and len(self.few) <= bins:
            return (self.few[1:] + self.few[:-1]) / 2
        weight = np.concatenate([[0.0], np.cumsum(np.cbrt(np.diff(self.ends) ** 2))])
        return np.unique(np.interp(np.arange(1, bins) / bins * weight[-1], weight, self.ends))


def _place(name: str, cuts: np.ndarray) -> nw.Expr:
    above = sum(((nw.col(name) > float(cut)).cast(nw.Int64) for cut in cuts), nw.lit(0))
    return nw.when(nw.col(name).is_null()).then(nw.lit(-1)).otherwise(above)


def _places(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), -1, np.searchsorted(cuts, values, side="left"))
