from datetime import date
from types import NoneType
from typing import Literal, get_args

import pytest

from crmlab.contract import InputError
from crmlab.notebook import parse_day, read_notebook, read_notebooks

HEAD = ('client: str = "acme"', 'as_of: str = "latest"')


def test_parameters_cell_is_the_schema(small):
    notebook = read_notebook(small.notebook("value", optional=["payments"], needs=["churn"]))
    assert (notebook.name, notebook.title) == ("value", "Value")
    assert (notebook.tables, notebook.optional, notebook.needs) == (("transactions",), ("payments",), ("churn",))
    by_name = {parameter.name: parameter for parameter in notebook.parameters}
    assert by_name["horizon_months"].type.__metadata__[0].metadata[0].ge == 1
    assert by_name["horizon_months"].default == 12
    assert by_name["horizon_months"].help == "how far ahead to look"
    assert NoneType in get_args(by_name["since"].type)
    assert by_name["refunds"].type == Literal["net", "ignore"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x: list[str] = ['a']", list[str]),
        ("x: dict[str, float] = {'a': 1.0}", dict[str, float]),
        ("x: 'Optional[float]' = None", float | None),
        ("x: bool = True", bool),
    ],
)
def test_types_a_parameter_can_have(small, line, expected):
    *_, parameter = read_notebook(small.notebook("n", parameters=(*HEAD, line))).parameters
    assert parameter.type == expected


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((*HEAD, "x = 3"), "line 3: must read `name: type = default`"),
        ((*HEAD, "x: int = 2 + 1j * y"), "line 3: "),
        ((*HEAD, "x: int = 'abc'"), "line 3: the default must be a valid integer"),
        ((*HEAD, "x: 'Share' = 1.5"), "line 3: the default must be less than or equal to 1"),
        ((*HEAD, "x: set = 3"), "line 3: set is not a type a parameter can have"),
        ((*HEAD, "x: __import__('os').system('true') = 3"), "is not a type a parameter can have"),
        ((*HEAD, "x: int = = 3"), "parameters cell, line 3: invalid syntax"),
        (("as_of: str = 'latest'",), "must begin with client and as_of"),
    ],
)
def test_a_parameters_cell_that_is_no_schema_is_an_input_error(small, lines, message):
    path = small.notebook("n", parameters=lines)
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        read_notebook(path)


def test_unknown_table_in_metadata_names_the_nearest(small):
    path = small.notebook("n", tables=["transaction"])
    with pytest.raises(InputError, match="table transaction, which is not in the contract; did you mean transactions"):
        read_notebook(path)


def test_a_notebook_without_parameters_cell_and_one_that_is_no_json(small):
    path = small.write("notebooks/n.ipynb", '{"cells": [], "metadata": {}}')
    with pytest.raises(InputError, match="one cell tagged `parameters`, has 0"):
        read_notebook(path)
    small.write("notebooks/n.ipynb", "not json")
    with pytest.raises(InputError, match="notebooks/n.ipynb: is not a readable notebook"):
        read_notebook(path)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"cells": null, "metadata": {}}',
        '{"cells": ["x"], "metadata": {}}',
        '{"cells": [], "metadata": {"crmlab": "x"}}',
    ],
)
def test_notebooks_of_another_make_are_input_errors(small, text):
    with pytest.raises(InputError, match="notebooks/n.ipynb: is not a readable notebook"):
        read_notebook(small.write("notebooks/n.ipynb", text))


def test_names_that_would_collide_with_other_files_are_refused(small):
    small.notebook("analysis.failed")
    with pytest.raises(InputError, match=r"its name must be of letters, digits, _ and -, got 'analysis.failed'"):
        read_notebooks(small.root / "notebooks")


def test_a_folder_without_notebooks_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="holds no notebook"):
        read_notebooks(tmp_path)


def test_parse_day():
    assert parse_day("1998-06-30") == date(1998, 6, 30)
    with pytest.raises(ValueError, match="must be a date"):
        parse_day("1998-06-31")
    for wrong in (19980630, "2025-W10-1", "19980630", "9999-12-31"):
        with pytest.raises(ValueError, match="must be a date"):
            parse_day(wrong)


def test_papermill_knows_every_parameter(small):
    """papermill only logs a parameter that it does not find, and runs on the default."""
    import papermill

    path = small.notebook("n")
    assert set(papermill.inspect_notebook(str(path))) == {p.name for p in read_notebook(path).parameters}
