"""A frame as it may be shown: codes for ids, comments masked, small groups hidden, whatever it holds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab import privacy, suppression
from crmlab.csv_cells import LINE_END, guarded_frame
from crmlab.intervals import Estimate
from crmlab.messages import _, clauses
from crmlab.nps.masking import excerpt

HIDDEN = "·"


@dataclass(frozen=True, eq=False)
class Shown:
    """What may be shown; `hidden` tells by row whether its figures are not."""

    frame: pd.DataFrame
    hidden: np.ndarray

    def without_hidden(self, cells: list[dict]) -> list[dict]:
        """The cells of a column of figures, a mark in place of those that are hidden."""
        return [{"text": HIDDEN} if hide else cell for hide, cell in zip(self.hidden, cells, strict=True)]

    def as_csv(self) -> str:
        """All rows as a file: values in full, shares as fractions, the ends of an interval in columns of their own."""
        parts = {}
        for name, column in self.frame.items():
            parts[name] = [value.value if isinstance(value, Estimate) else value for value in column]
            if any(isinstance(value, Estimate) for value in column):
                for end in ("low", "high"):
                    parts[f"{name}_{end}"] = [getattr(value, end, None) for value in column]
        return guarded_frame(pd.DataFrame(parts)).to_csv(index=False, lineterminator=LINE_END)

    def noted(self, subtitle: str) -> str:
        """The subtitle, with what the mark means where there is any."""
        if not self.hidden.any():
            return subtitle
        note = _("{mark}: hidden, as fewer than {n} customers, or lest such a group be told by subtraction")
        return clauses(filter(None, (subtitle, note.format(mark=HIDDEN, n=privacy.min_group()))))


def shown(frame: pd.DataFrame, *, total: bool = False) -> Shown:
    """The frame as it may be shown; its rows are groups if a column after the first is called `customers`.

    Parameters
    ----------
    total
        The last row is the sum of the others.
    """
    frame = privacy.coded_ids(frame)
    for name in frame.columns.intersection(list(privacy.FREE_TEXT)):
        frame = frame.assign(**{name: [excerpt(text) for text in frame[name].fillna("")]})
    if "customers" not in frame.columns[1:]:
        return Shown(frame, np.zeros(len(frame), dtype=bool))
    return Shown(*suppression.suppressed(frame, min_group=privacy.min_group(), total=total))
