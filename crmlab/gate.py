"""The gate: every table of a client is read before any notebook runs, so that what is wrong is found at once."""

from crmlab.client import Client
from crmlab.contract import InputError
from crmlab.quality import Quality


def check(client: Client) -> list[Quality]:
    """Read every table that a client supplies, so that whatever is wrong with the input is found at once.

    Raises
    ------
    InputError
        With one line for each table that cannot be used.
    """
    faults, found = [], []
    for table in client.tables:
        try:
            found.append(client.quality(table))
            client.period(table)
        except InputError as error:
            faults.append(error)
    if faults:
        raise InputError("\n".join(map(str, faults)), "\n".join(fault.detail for fault in faults))
    return found
