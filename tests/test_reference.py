"""The reference pages are in step with what they are made from, and complete."""

import re

import pytest

from crmlab.contract import TABLES
from crmlab.diagnosis.indicators import DEFAULTS
from crmlab.messages import LANGUAGES, _, speaking
from crmlab.notebook import RESERVED, read_notebooks
from crmlab.params import find_project
from crmlab.reference import pages
from tests.test_packaging import ROOT

MADE = pages(find_project(start=ROOT))


@pytest.mark.parametrize("name", MADE)
def test_pages_are_in_step(name):
    stands = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert stands == MADE[name], "run `make docs`"


def test_every_column_and_parameter_is_in_the_dictionary():
    for name in ("data_dictionary.md", "data_dictionary.zh.md"):
        rows = re.findall(r"^\| `(\w+)` \|", MADE[name], flags=re.M)
        columns = [column.name for table in TABLES.values() for column in table.columns]
        notebooks = read_notebooks(ROOT / "notebooks").values()
        parameters = [each.name for notebook in notebooks for each in notebook.parameters if each.name not in RESERVED]
        assert rows == columns + parameters


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_parameter_s_help_is_translated(language):
    told = {each.help for notebook in read_notebooks(ROOT / "notebooks").values() for each in notebook.parameters}
    assert "" not in told, "a parameter has no comment"
    with speaking(language):
        assert sorted(text for text in told if _(text) == text) == [], "run `make words`, then translate these"


def test_every_rule_of_a_column_is_told():
    text = MADE["data_dictionary.md"]
    assert "| `nps` |  | whole number; at least 0; at most 10 |" in text
    assert "| `outcome` |  | one of won, lost, open |" in text
    assert "| `start` | yes | date or time |" in text
    assert "`resolved_at` may not precede `opened_at`" in text


def test_types_of_parameters_are_told_in_words():
    text = MADE["data_dictionary.md"]
    assert "| `calibration_end` | date, or none | `null` |" in text
    assert "| `top_share` | number; `> 0`; `< 1` | `0.2` |" in text
    assert not re.search(r"^\| `\w+` \|  \|", text.partition("## Parameters")[2], flags=re.M)


def test_the_glossary_has_every_definition_and_indicator():
    text = MADE["glossary.md"]
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        defined = path.read_text(encoding="utf-8").partition("## Definitions")[2].partition('"cell_type"')[0]
        assert defined.count("- **") > 4
        for term in re.findall(r"- \*\*([\w ,()-]+)\*\*", defined):
            assert f"- **{term}**" in text
    assert all(f"`{indicator.name}`" in text for indicator in DEFAULTS)


def test_the_chinese_glossary_is_chinese():
    definitions = MADE["glossary.zh.md"].partition("\n## ")[2].partition("\n| ")[0]
    lines = [line for line in definitions.splitlines() if line.startswith("- ")]
    assert len(lines) > 50
    assert all(re.search("[\u4e00-\u9fff]", line) for line in lines)
