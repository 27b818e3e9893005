"""What keeps the contract and is most likely wrong: ids that mean something else in another table."""

import narwhals as nw

from crmlab.client import Client

# tables that hold every customer, the surest first; others name some of them
_WHOLE = ("customers", "contracts", "transactions")
_OF_CUSTOMERS = (*_WHOLE, "surveys", "interactions", "payments", "exposure")
_KEY = "customer_id"
# below it, two tables are hardly of the same customers
_SHARED = 0.5
# of so many buyers, one comes back
_ENOUGH = 100


def doubts(client: Client) -> list[str]:
    """Sentences on a client whose tables can be read, each with what to look at; none where nothing is odd."""
    named = {
        table: client.table(table).filter(~nw.col(_KEY).is_null()).select(_KEY).unique()
        for table in _OF_CUSTOMERS
        if table in client.tables and _KEY in client.table(table).collect_schema()
    }
    said = []
    whole = next((table for table in _WHOLE if table in named), None)
    for table, ids in named.items() if whole else ():
        customers, known = _rows(ids), _rows(ids.join(named[whole], on=_KEY, how="semi"))
        if known < _SHARED * customers:
            said.append(
                f"{table}: {known:,} of its {customers:,} customers stand in {whole}; "
                f"see whether customer_id is the same column in both"
            )
    if "transactions" in named:
        customers, days = _rows(named["transactions"]), client.table("transactions").select(_KEY, "date").unique()
        if _ENOUGH <= customers == _rows(days):
            said.append(
                f"transactions: none of {customers:,} customers bought twice; see whether customer_id is not an order's"
            )
    return said


def _rows(frame: nw.LazyFrame) -> int:
    return int(frame.select(nw.len()).collect().item())
