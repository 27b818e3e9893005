"""The Chinese catalogue: complete, in step with what the sources say, and true to the values that messages carry."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

from crmlab.messages import CATALOGUES, LANGUAGES

ROOT = Path(__file__).parent.parent
TRANSLATED = [language for language in LANGUAGES if language != "en"]


def messages(path: Path, language: str | None = None) -> dict:
    """By context and English text: the message."""
    with path.open("rb") as stream:
        return {(found.context, found.id): found for found in read_po(stream, locale=language) if found.id}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """What the sources say, collected as `make words` does."""
    target = tmp_path_factory.mktemp("words") / "crmlab.pot"
    options = ["--mapping-file", "pyproject.toml", "--keywords", "N_", "--no-location", "--output", str(target)]
    command = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract", *options, "."]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    return messages(target)


@pytest.fixture(scope="module", params=TRANSLATED)
def catalogue(request):
    return messages(CATALOGUES / request.param / "LC_MESSAGES" / "crmlab.po", request.param)


def strings(message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_the_mapping_finds_modules_templates_and_notebooks():
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"]["mappings"]
    assert {mapping["pattern"].rpartition(".")[2] for mapping in mappings} == {"py", "j2", "ipynb"}


def test_every_message_has_its_translation_and_no_other_is_kept(source, catalogue):
    assert sorted(map(str, source.keys() - catalogue.keys())) == [], "run `make words`, then translate these"
    assert sorted(map(str, catalogue.keys() - source.keys())) == [], "no source says these any more: run `make words`"
    assert [key for key, message in catalogue.items() if not all(strings(message))] == []


def test_no_translation_is_a_guess(catalogue):
    assert [key for key, message in catalogue.items() if message.fuzzy] == []


def test_translations_carry_the_same_values(catalogue):
    for (_context, given), message in catalogue.items():
        english = given if isinstance(given, tuple) else (given,)
        for text in strings(message):
            assert fields(text) == set().union(*map(fields, english)), given


def test_chinese_is_set_as_chinese_is():
    """Full-width marks between Chinese letters, no space between them; numbers and units half-width."""
    for key, message in messages(CATALOGUES / "zh" / "LC_MESSAGES" / "crmlab.po", "zh").items():
        for text in strings(message):
            assert not re.search(r"[\u4e00-\u9fff][,;:?!(][\u4e00-\u9fff]", text), key
            assert not re.search(r"[\u4e00-\u9fff] +[\u4e00-\u9fff]", text), key
            assert not re.search(r"[０-９％]", text), key
