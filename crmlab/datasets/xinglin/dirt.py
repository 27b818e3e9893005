"""A few rows that break the contract, so that readers see what becomes of them."""

import numpy as np
import pandas as pd

# For each table, what is wrong with a copy of one of its rows: the cells that change, and why that is not allowed.
# Ids C9.... stand for no customer of the firm, so that a rejected row takes no good one with it.
DEFECTS: dict[str, list[tuple[dict[str, str], str]]] = {
    "customers": [
        ({}, "customer_id repeats an earlier row"),
        ({"customer_id": ""}, "customer_id must not be empty"),
        ({"customer_id": "C90001", "acquired_on": "2025-02-30"}, "acquired_on must be a date (YYYY-MM-DD)"),
        ({"customer_id": "C90002", "registered_capital": "-5000000.00"}, "registered_capital must be at least 0"),
    ],
    "transactions": [
        ({"amount": "面议"}, "amount must be a number"),
        ({"amount": ""}, "amount must not be empty"),
        ({"date": "2025-02-30"}, "date must be a date (YYYY-MM-DD)"),
        ({"date": ""}, "date must not be empty"),
        ({"customer_id": ""}, "customer_id must not be empty"),
        ({"margin": "待核算"}, "margin must be a number"),
    ],
    "contracts": [
        ({"start": "2024-05-01", "end": "2024-03-31"}, "end must not precede start"),
        ({"value": "-20000.00"}, "value must be at least 0"),
        ({"renewals": "1.5"}, "renewals must be a whole number"),
        ({"start": ""}, "start must not be empty"),
    ],
    "surveys": [
        ({"nps": "11"}, "nps must be at most 10"),
        ({"nps": "-1"}, "nps must be at least 0"),
        ({"nps": "很满意"}, "nps must be a number"),
        ({"date": "2025-13-01"}, "date must be a date (YYYY-MM-DD)"),
        ({"invited": "也许"}, "invited must be true or false"),
    ],
    "interactions": [
        (
            {"opened_at": "2025-03-10 09:30:00", "first_response_at": "", "resolved_at": "2025-03-08 16:00:00"},
            "resolved_at must not precede opened_at",
        ),
        (
            {"opened_at": "2025-06-02 10:00:00", "first_response_at": "2025-06-01 10:20:00", "resolved_at": ""},
            "first_response_at must not precede opened_at",
        ),
        ({"opened_at": "2024-02-30 09:00:00"}, "opened_at must be a date (YYYY-MM-DD)"),
        ({"reopened": "不详"}, "reopened must be true or false"),
        ({"customer_id": ""}, "customer_id must not be empty"),
    ],
    "payments": [
        ({"amount": "-1200.00"}, "amount must be at least 0"),
        ({"due_on": "2025-06-31"}, "due_on must be a date (YYYY-MM-DD)"),
        ({"paid_amount": "部分"}, "paid_amount must be a number"),
        ({"customer_id": ""}, "customer_id must not be empty"),
        ({"due_on": ""}, "due_on must not be empty"),
    ],
    "opportunities": [
        ({"outcome": "待定"}, "outcome must be one of won, lost, open"),
        ({"opened_on": "2025-01-20", "closed_on": "2025-01-02"}, "closed_on must not precede opened_on"),
        ({"amount": "约五十万"}, "amount must be a number"),
    ],
    "acquisition_spend": [({"amount": "-3000.00"}, "amount must be at least 0")],
    "crm_cashflows": [({"kind": "收入"}, "kind must be one of cost, benefit")],
    "exposure": [
        ({}, "customer_id repeats an earlier row"),
        ({"customer_id": "C90003", "treated": "未知"}, "treated must be true or false"),
    ],
}


def spoil(rng: np.random.Generator, name: str, table: pd.DataFrame) -> tuple[pd.DataFrame, list[dict]]:
    """Insert the table's bad rows, each a changed copy of the row before it; `table` holds text.

    Returns
    -------
    The table, and for each bad row its number in the file, the header being row 1, and the reason.
    """
    defects = DEFECTS[name]
    after = np.sort(rng.choice(len(table), len(defects), replace=False))
    changed = [table.iloc[[at]].assign(**cells) for at, (cells, _) in zip(after, defects, strict=True)]
    order = np.concatenate([np.arange(len(table)), after + 0.5]).argsort(kind="stable")
    spoiled = pd.concat([table, *changed], ignore_index=True).iloc[order].reset_index(drop=True)
    # Rows before it: `at + 1` good ones, those inserted earlier, and the header.
    rows = [int(at) + 1 + earlier + 2 for earlier, at in enumerate(after)]
    return spoiled, [
        {"table": name, "row": row, "reason": reason} for row, (_, reason) in zip(rows, defects, strict=True)
    ]
