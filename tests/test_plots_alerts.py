from xml.etree import ElementTree

import pandas as pd
import pytest

from crmlab import plots
from crmlab.diagnosis.alert_rows import KINDS, alert_rows
from crmlab.diagnosis.alerts import Alerts
from crmlab.plots.alerts import alerts_by_kind
from crmlab.plots.svg import LIGHT

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def alerts(*counts):
    """So many alerts of each kind and severity, one customer each."""
    rows = [
        {
            "customer_id": f"{kind}{severity}{number}",
            "kind": kind,
            "severity": severity,
            "date": pd.Timestamp("2024-03-31"),
        }
        for kind, severity, count in counts
        for number in range(count)
    ]
    return Alerts(alert_rows(rows), 1000)


MIXED = alerts(("payment_overdue", "high", 18), ("payment_overdue", "low", 40), ("key_account", "high", 3))
FIGURES = [
    (MIXED, "Late payment: 18 of 21 urgent alerts", "Late payment: high 18, medium 0, low 40"),
    (alerts(("contract_end", "medium", 1)), "No alert is urgent", "Contract ends: high 0, medium 1, low 0"),
    (
        alerts(*((kind, "high", 2) for kind in KINDS)),
        "Late payment: 2 of 20 urgent alerts",
        "Purchases fell: high 2",
    ),
    (alerts(), "No alert is raised", "No alert is raised"),
]


@pytest.mark.parametrize(("result", "finding", "words"), FIGURES, ids=["mixed", "calm", "every kind", "none"])
def test_figures_state_their_finding_and_fit_their_page(result, finding, words):
    content = plots.figure(alerts_by_kind, result).content
    assert content["title"] == finding
    assert words in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        root = ElementTree.fromstring(content[kind])
        assert root.attrib["viewBox"].split()[2] == str(width)
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        for text in root.iter("text"):
            assert 0 <= float(text.attrib.get("x", 0)) <= width, text.text


def test_bars_are_the_counts_of_the_table():
    widths = [bar.get_width() for bar in alerts_by_kind(MIXED).patches]
    assert widths == MIXED.table()[["high", "medium", "low"]].to_numpy().T.ravel().tolist()
