"""What several tests share: a small project in a temporary folder."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from crmlab.messages import speak

PARAMETERS = (
    'client: str = "acme"  # the client',
    'as_of: str = "latest"  # the date to look back from',
    'horizon_months: "PositiveInt" = 12  # how far ahead to look',
    'margin: "Share" = 1.0  # share of spend that is kept',
    'since: "Optional[date]" = None  # first day that counts',
    "refunds: \"Literal[net, ignore]\" = 'net'  # what becomes of refunds",
)
BASE = """\
client: Acme Pumps
currency: USD
data:
  transactions: {source: data/acme/transactions.csv}
"""
ROWS = "customer_id,date,amount\n1,2024-01-01,5\n1,2024-02-01,7\n2,2024-01-15,-1\n3,2024-03-31,10\n"


@pytest.fixture(autouse=True)
def english():
    """Whatever language a test made this process speak, the next starts in English."""
    yield
    speak("en")


@dataclass(frozen=True)
class SmallProject:
    """A folder with notebooks/, params/ and data/, and short ways to fill it."""

    root: Path

    def write(self, path: str, text: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return target

    def notebook(self, name: str, *cells: str, parameters=PARAMETERS, **about) -> Path:
        """A notebook of code cells below its parameters cell; `about` is its crmlab metadata."""
        about = {"title": name.capitalize(), "tables": ["transactions"]} | about
        code = {"cell_type": "code", "execution_count": None, "outputs": []}
        tagged = code | {"id": "p", "metadata": {"tags": ["parameters"]}, "source": "\n".join(parameters)}
        title = {"cell_type": "markdown", "id": "t", "metadata": {}, "source": f"# {name}\n\nA line on the decision."}
        rest = [code | {"id": f"c{i}", "metadata": {}, "source": cell} for i, cell in enumerate(cells)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        content = {"cells": [title, tagged, *rest], "metadata": kernel | {"crmlab": about}}
        return self.write(f"notebooks/{name}.ipynb", json.dumps(content | {"nbformat": 4, "nbformat_minor": 5}))

    @property
    def project(self):
        from crmlab.params import find_project

        return find_project(start=self.root)


@pytest.fixture
def small(tmp_path, monkeypatch) -> SmallProject:
    """A project with one client, acme, four transactions and one notebook; it is the working folder."""
    monkeypatch.delenv("CRMLAB_PARAMS", raising=False)
    monkeypatch.delenv("CRMLAB_PUBLISH", raising=False)
    small = SmallProject(tmp_path)
    small.notebook("analysis")
    small.write("params/acme.yaml", BASE)
    small.write("data/acme/transactions.csv", ROWS)
    monkeypatch.chdir(tmp_path)
    return small
