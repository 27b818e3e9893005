"""From a folder of files to a client: what each file is, the client's file, and what it can be told from them."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from crmlab.contract import TABLES, InputError, suggestion
from crmlab.notebook import Notebook, check_name, read_notebooks
from crmlab.onboarding.client_file import client_file
from crmlab.onboarding.guess import Guess, one_each
from crmlab.onboarding.joins import guesses
from crmlab.onboarding.looks import Look, look
from crmlab.onboarding.unlocks import added, sharpened, unlocked
from crmlab.params import Project
from crmlab.reading.check_form import FORMATS, SQLITE, ends

_CODE = re.compile(r"(?<![A-Za-z])(USD|EUR|CNY|GBP|JPY|BRL|CHF|INR|KRW|HKD|TWD|SGD|AUD|CAD)(?![A-Za-z])", re.IGNORECASE)
_SIGNS = {"元": "CNY", "€": "EUR", "£": "GBP", "₹": "INR"}
_CHINESE = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Start:
    """What a client starts from.

    Attributes
    ----------
    text
        Of `params/<client>.yaml`.
    tables
        The files that are tables, each another one.
    others
        Files that are none, or the same table once more.
    """

    text: str
    tables: tuple[Guess, ...]
    others: tuple[Guess, ...]

    @property
    def to_check(self) -> int:
        """How many lines of the file say CHECK."""
        return self.text.count("# CHECK")


def start(
    project: Project, client: str, files: Iterable[Path], *, currency: str | None = None, customer: str | None = None
) -> Start:
    """Guess what files are and write the client's file in memory.

    Parameters
    ----------
    files
        Files, or folders of them.
    currency
        Of all amounts; None takes what the headers say.
    customer
        The column of the files that identifies the customer; None takes the one with a name for it.

    Raises
    ------
    InputError
        If the client is there already, a file cannot be opened, none has that column, or none is a table of the
        contract.
    """
    check_name(client, f"params/{client}.yaml")
    if client in project.clients():
        raise InputError(f"{project.params.name}/{client}.yaml: is there already; edit it, or take another name")
    paths = _files(files)
    looks = _joined(
        [look(path.resolve(), project, currency=currency or "USD", customer=customer) for path in paths], project
    )
    if customer and not any(each.customer for each in looks):
        known = sorted({header for each in looks for header in each.columns})
        raise InputError(f"no file has a column {customer}{suggestion(customer, known)}")
    found = currency or _currency(looks)
    tables, others = one_each(guesses(looks))
    if not tables:
        nearest = "\n".join(map(_lacks, others))
        raise InputError(
            f"none of these files is a table that crmlab knows:\n{nearest}\n"
            "say what identifies the customer (CUSTOMER=column), or write the client's file by hand, as "
            "docs/data_dictionary.md describes the tables"
        )
    headers = [header for each in tables for header in each.look.columns]
    language = "zh" if 2 * sum(bool(_CHINESE.search(header)) for header in headers) > len(headers) else "en"
    text = client_file(client, tables, currency=found or "USD", language=language, sure_of_currency=found is not None)
    return Start(text, tuple(tables), tuple(others))


def told(made: Start, project: Project) -> list[str]:
    """What was found, what each table unlocks, and what the missing ones would add, line by line."""
    lines = []
    for found in made.tables:
        doubts = sum(bool(match.doubt) for match in found.columns.values())
        check = f", {doubts} of them to be checked" if doubts else ""
        joined = "".join(f", joined with {_file(join.source)} by {join.on}" for join in found.look.form.join)
        lines.append(f"{found.look.path.name}: {found.table} ({len(found.columns)} columns found{check}){joined}")
    used = {join.source for found in made.tables for join in found.look.form.join}
    for other in made.others:
        lines += [] if other.look.form.source in used else [_lacks(other)]
    notebooks = list(read_notebooks(project.notebooks).values())
    present = [found.table for found in made.tables]
    lines += ["", "With these tables:", *(f"  {each.name}: {_said(each, present)}" for each in notebooks)]
    absent = [table for table in TABLES if table not in present]
    if absent:
        lines += ["", "What a further table would add:"]
        lines += [f"  {table} ({TABLES[table].help}): {_adds(notebooks, present, table)}" for table in absent]
    return lines


def _said(notebook: Notebook, present: Sequence[str]) -> str:
    """What a notebook says with the tables there are."""
    sections = unlocked(notebook, present).sections
    if not sections:
        return f"skipped: needs {' and '.join(notebook.tables) or ' or '.join(notebook.any_of)}"
    return "from what the others find" if notebook.needs else "; ".join(_topics(sections))


def _adds(notebooks: Iterable[Notebook], present: Sequence[str], table: str) -> str:
    """What a further table adds to what notebooks say."""
    said, sharper, later = [], [], []
    for notebook in notebooks:
        if notebook.needs:
            continue
        if more := added(notebook, present, table):
            said.append(f"{notebook.name}: {'; '.join(_topics(more))}")
        elif sharpened(notebook, present, table):
            sharper.append(notebook.name)
        elif more := added(notebook, {*present, *(needed := notebook.tables or notebook.any_of[:1])}, table):
            later.append(f"with {' and '.join(needed)}, {notebook.name}: {'; '.join(_topics(more))}")
    said += [f"more detail in {', '.join(sharper)}"] if sharper else []
    return ". ".join(said or later) or "nothing yet"


def _file(source: str) -> str:
    return PurePath(source).name


def _topics(sections: Sequence[str]) -> list[str]:
    return [section.split(":")[0] for section in sections]


def _files(given: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in given:
        inside = sorted(each for each in path.iterdir() if ends(each.name, FORMATS)) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"{path}: holds no file that can be read ({' '.join(FORMATS)})")
        found += inside
    for path in found:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        if ends(path.name, SQLITE):
            raise InputError(f"{path.name}: a database needs a query; write data.<table> with source and query by hand")
    if not found:
        raise InputError("give at least one file, or a folder of files")
    return list(dict.fromkeys(found))


def _joined(looks: list[Look], project: Project) -> list[Look]:
    """Files of one form that a pattern finds, such as orders_2024.csv and orders_2025.csv, as one."""
    groups: dict[tuple, list[Look]] = {}
    for each in looks:
        groups.setdefault((each.path.parent, each.path.suffix, tuple(each.columns)), []).append(each)
    joined = []
    for group in groups.values():
        names = [each.path.name for each in group]
        ahead, behind = os.path.commonprefix(names), os.path.commonprefix([name[::-1] for name in names])[::-1]
        found = sorted(path.name for path in group[0].path.parent.glob(f"{ahead}*{behind}"))
        if len(group) > 1 and ahead and found == sorted(names):
            source = group[0].form.source.removesuffix(names[0]) + f"{ahead}*{behind}"
            first = group[0]
            joined.append(replace(first, form=first.form.model_copy(update={"source": source})))
        else:
            joined += group
    return joined


def _currency(looks: Iterable[Look]) -> str | None:
    """The only currency that headers name."""
    headers = [header for each in looks for header in each.columns]
    codes = {found[1].upper() for header in headers if (found := _CODE.search(header.replace("_", " ")))}
    codes |= {code for sign, code in _SIGNS.items() for header in headers if sign in header}
    return codes.pop() if len(codes) == 1 else None


def _lacks(other: Guess) -> str:
    name = other.look.path.name
    if other.fits:
        return f"{name}: left out, another file is {other.table} already"
    return f"{name}: left out; to be {other.table} it lacks {'; '.join(other.missing)}"
