"""One function per figure: `(result, ax=None) -> Axes`. Its title is the finding, its label the finding in words.

`figure` draws one for a notebook and its report. seaborn and matplotlib are imported when something is drawn, not
before.
"""

from crmlab.plots.house import Figure, figure
from crmlab.plots.value import holdout_by_frequency, pareto_curve, rfm_map, value_by_decile

__all__ = ["Figure", "figure", "holdout_by_frequency", "pareto_curve", "rfm_map", "value_by_decile"]
