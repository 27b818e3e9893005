import pytest

from crmlab import data, sources
from crmlab.contract import InputError
from crmlab.params import find_project, load_params
from tests.conftest import BASE, ROWS


def files(small, source="data/acme/transactions.csv"):
    small.write("params/acme.yaml", BASE.replace("data/acme/transactions.csv", source))
    found = sources.source_files(load_params(small.project, "acme"), "transactions", small.project)
    return [sources.shown_name(path, small.project) for path in found]


def test_files_of_a_pattern_come_in_the_order_of_their_names(small):
    for name in ("b.csv", "a.csv.gz", "C.PARQUET"):
        small.write(f"data/other/{name}", ROWS)
    assert files(small) == ["data/acme/transactions.csv"]
    assert files(small, "data/other/*") == ["data/other/C.PARQUET", "data/other/a.csv.gz", "data/other/b.csv"]


def test_the_name_of_the_projects_folder_is_no_pattern(small):
    root = small.root / "CRM [2024] *"
    root.mkdir()
    for name in ("notebooks", "params", "data"):
        (small.root / name).rename(root / name)
    project = find_project(start=root)
    assert sources.source_files(load_params(project, "acme"), "transactions", project) == [
        root / "data/acme/transactions.csv"
    ]


def test_a_file_elsewhere_is_shown_by_its_name_alone(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "orders.csv"
    path.write_text(ROWS)
    assert files(small, str(path)) == ["orders.csv"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("transaction.csv", r"no such file: data/acme/transaction.csv; did you mean transactions.csv\?"),
        ("t.docx", "t.docx: must be one of .csv .csv.gz .parquet"),
        ("folder.csv", "folder.csv is not a file"),
    ],
)
def test_what_is_no_file_of_a_known_kind(small, source, message):
    small.write("data/acme/t.docx", "x")
    (small.root / "data/acme/folder.csv").mkdir()
    with pytest.raises(InputError, match=message):
        files(small, f"data/acme/{source}")


def test_a_fingerprint_changes_with_the_content_only(small):
    first, second = small.write("a.csv", ROWS), small.write("b.csv", ROWS)
    assert sources.fingerprint([first]) == sources.fingerprint([second])
    assert sources.fingerprint([first, second]) != sources.fingerprint([first])
    second.write_text(ROWS + "4,2024-01-01,1\n")
    assert sources.fingerprint([first]) != sources.fingerprint([second])


def test_what_spark_alone_reaches_is_no_file_and_not_read_without_it(small):
    small.write("params/acme.yaml", BASE.replace("data/acme/transactions.csv", "s3://bucket/orders"))
    params = load_params(small.project, "acme")
    assert sources.source_files(params, "transactions", small.project) == []
    assert not sources.is_queried(params.data["transactions"])
    with pytest.raises(InputError, match="transactions.source: s3://bucket/orders is read by Spark alone"):
        data.open_table(data.connect(), params, "transactions", small.project)
