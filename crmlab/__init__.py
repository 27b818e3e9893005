"""A research workbench for judging customer relationship management.

`crmlab.open("cdnow")` gives a client's tables and aggregates; the metric modules (`crmlab.value`, `crmlab.clv`)
take plain frames; `crmlab.tables`, `crmlab.plots` and `crmlab.prose` show results.

Options that mean the same wherever they stand: `as_of` and `until`, the last day that counts; `confidence_level`, of
every interval, between 0 and 1; `currency` and `unit`, the ISO 4217 code of sums of money; `time_unit`, `day`, `week`
or `month`, of recency, T and the rates of a model; `draws`, simulated futures behind an interval; `seed`, of these;
`title` and `subtitle`, what a table or figure shows, and its period or method.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmlab.client import Client

__version__ = "0.1.0"
__all__ = ["__version__", "open"]


def open(client: str, as_of: str | None = None) -> "Client":
    """Open a client for analysis.

    Parameters
    ----------
    client
        The client's id: the stem of its file in `params/`.
    as_of
        Date (YYYY-MM-DD) the analysis looks back from, or `latest`, the last date in the data. None takes what the
        client's file says.

    Raises
    ------
    InputError
        If the parameters or the data break a rule; the message names place, rule, value and remedy.
    """
    from crmlab.client import open_client

    if "IPython" in sys.modules:
        from crmlab.lab import rich

        rich.install()
    return open_client(client, as_of)
