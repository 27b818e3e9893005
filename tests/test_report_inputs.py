import json
import shutil

import pytest

from crmlab.contract import InputError
from crmlab.notebook import read_notebook
from crmlab.params import load_params
from crmlab.report import inputs
from tests.conftest import BASE, ROWS


def parts(small):
    return inputs.client_inputs(load_params(small.project, "acme"), small.project)


def differing(small, path, text):
    """Which parts change when a file of the project does."""
    before = parts(small)
    small.write(path, text)
    now = parts(small)
    return {part for part in now if now[part] != before[part]}


def test_the_same_project_gives_the_same_parts_anywhere(small, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(small.root, elsewhere)
    copy = type(small)(elsewhere)
    assert parts(copy) == parts(small)
    notebook = "notebooks/analysis.ipynb"
    assert inputs.notebook_inputs(read_notebook(elsewhere / notebook)) == inputs.notebook_inputs(
        read_notebook(small.root / notebook)
    )


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("data/acme/transactions.csv", ROWS + "4,2024-03-31,1\n", {"data"}),
        ("data/acme/transactions.csv", ROWS, set()),
        ("params/acme.yaml", BASE.replace("USD", "EUR"), {"client"}),
        ("params/acme.yaml", BASE + "as_of: 2024-03-01\n", set()),
        ("params/acme.yaml", BASE.replace("acme/transactions.csv", "acme/*.csv"), {"client"}),
        ("params/acme.yaml", BASE + "analysis: {horizon_months: 3}\n", set()),
        ("params/acme.yaml", "# a remark\n" + BASE, set()),
        ("data/acme/other.csv", "x\n", set()),
    ],
)
def test_what_a_change_concerns(small, path, text, expected):
    assert differing(small, path, text) == expected


def test_another_file_of_a_pattern_is_a_change_of_the_data(small):
    small.write("params/acme.yaml", BASE.replace("acme/transactions.csv", "acme/*.csv"))
    assert differing(small, "data/acme/april.csv", ROWS) == {"data"}


def test_a_missing_file_is_named(small):
    (small.root / "data/acme/transactions.csv").unlink()
    with pytest.raises(InputError, match="no such file: data/acme/transactions.csv"):
        parts(small)


def test_a_notebook_is_its_cells_and_what_it_says_of_itself(small):
    path = small.notebook("analysis", "1 + 1")
    before = inputs.notebook_inputs(read_notebook(path))
    content = json.loads(path.read_text())
    content["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "2"}]
    content["cells"][2]["execution_count"] = 7
    content["metadata"]["kernelspec"]["name"] = "conda-env-mine"
    path.write_text(json.dumps(content))
    assert inputs.notebook_inputs(read_notebook(path)) == before
    small.notebook("analysis", "1 + 2")
    assert inputs.notebook_inputs(read_notebook(path)) != before
    small.notebook("analysis", "1 + 1", title="Another")
    assert inputs.notebook_inputs(read_notebook(path)) != before


def test_versions_are_those_of_what_crmlab_asks_for():
    found = inputs.versions()
    assert {"python", "crmlab", "pandas", "duckdb", "lifetimes"} <= set(found)
    assert "pytest" not in found
    assert all(version[0].isdigit() for version in found.values())


def test_changes_are_told_in_words():
    before = dict.fromkeys(inputs.PARTS, "a")
    assert inputs.changed(before, before) == ""
    assert inputs.changed(before, before | {"data": "b"}) == "its data"
    assert inputs.changed(before, before | {"notebook": "b", "code": "b"}) == "the notebook, crmlab's code"
    assert inputs.changed(before, before | {"notebook": "b"}, ("data",)) == ""
