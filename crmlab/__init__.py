"""A research workbench for judging customer relationship management.

`crmlab.open("cdnow")` gives a client's tables and aggregates; the metric modules (`crmlab.value`, `crmlab.clv`)
take plain frames; `crmlab.tables`, `crmlab.plots` and `crmlab.prose` show results.
"""

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

    return open_client(client, as_of)
