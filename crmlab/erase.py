"""One customer taken out of a client's files, of what reports handed over on them, and of every report.

Every date's reports go, since each was made from data that held the customer; the caller makes them again. What cannot
be done here (databases, workbooks, copies elsewhere) is named. A receipt tells what was done, to whom by pseudonym
alone, and to be killed on the way does no harm: the same command goes on.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from crmlab.contract import TABLES, InputError
from crmlab.csv_cells import guarded
from crmlab.params import Params, Project, load_params
from crmlab.privacy import CONFIDENTIAL, pseudonym, pseudonym_key
from crmlab.reading.urls import is_database
from crmlab.removal import KEY, Removal, Wanted, without
from crmlab.report import audit, workspace
from crmlab.report.seal import run_password
from crmlab.sources import joined_files, shown_name, source_files

RECEIPTS = "erasures"
# what a run makes of a client's reports; files of these kinds in a date's folder are its own
_MADE = (".html", ".ipynb", ".pdf", ".json")
_FOR_THE_CLIENT = ("customers.csv", "alerts.csv", "customers/*.csv", "alerts/*.csv")


@dataclass(frozen=True)
class Receipt:
    """What was erased, without a word on who it was.

    Attributes
    ----------
    customer
        A pseudonym, which only the holder of the key can make again from the id.
    rows
        By file, how many rows went.
    dropped
        How many pages and other files of reports went.
    dates
        The as-of dates whose reports must be made again, oldest first.
    by_hand
        What is left for people to do.
    """

    client: str
    customer: str
    at: str
    rows: dict[str, int]
    dropped: int
    dates: tuple[str, ...]
    by_hand: tuple[str, ...]


def erase(
    project: Project, reports: Path, client: str, customer_id: str, say: Callable[[str], None]
) -> tuple[Receipt, Path]:
    """Take a customer out of a client's data and reports; the receipt, and where it lies.

    Parameters
    ----------
    say
        Called with a line if another run in the folder of reports must be waited for.

    Raises
    ------
    InputError
        If no row is the customer's, and no receipt is on them. Nothing was changed then.
    """
    params, customer_id, reports = load_params(project, client), customer_id.strip(), reports.resolve()
    if params.protect:  # or else no report could be made again
        run_password(params.file)
    customer = pseudonym(client, customer_id, pseudonym_key(project.root))
    path = reports / client / RECEIPTS / f"{customer}.json"
    with workspace.only_run(reports, [client], say), ExitStack() as undo:
        log = audit.Log(reports, project.root)
        removals, by_hand = _removals(params, project, customer_id, undo)
        wanted = Wanted(frozenset({customer_id}))
        written = Wanted(wanted.ids | {guarded(customer_id)})
        outputs = [_prepared(file, written, undo) for file in _outputs(reports / client)]
        changed = [each for each in (*removals, *outputs) if each.rows]
        earlier = _earlier(path)
        if not changed and earlier:  # the run that was to follow did not come to its end
            return earlier, path
        if not changed:
            raise InputError(f"{client}: no row of its files is that of customer {customer_id}")
        made = _made(reports, client)
        by_hand += _named_elsewhere(project, reports, client, wanted, [*removals, *outputs], made)
        days = {file.parent.name for file in made if _is_day(file.parent.name)}
        receipt = Receipt(
            client=client,
            customer=customer,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            rows=(earlier.rows if earlier else {})
            | {_shown(each.path, reports, project): each.rows for each in changed},
            dropped=len(made) + (earlier.dropped if earlier else 0),
            dates=tuple(sorted(days | set(earlier.dates if earlier else ()))),
            by_hand=tuple(by_hand),
        )
        # before anything is gone: whoever is killed from here on finds both, and goes on
        _write(path, receipt)
        after = {file: None for file in made} | {each.path: audit.digest(each.new) for each in outputs if each.rows}
        log.append("erased", after | {path: audit.digest(path)}, client=client, customer=customer)
        for file in made:
            file.unlink()
        # data last: as long as a row of theirs is left, the same command finds it
        for each in (*outputs, *removals):
            each.commit()
    return receipt, path


def _removals(params: Params, project: Project, customer_id: str, undo: ExitStack) -> tuple[list[Removal], list[str]]:
    """The client's data files without the customer, not yet in place; and what nobody can do here."""
    found, by_hand, seen = [], [], set()
    for table, form in params.data.items():
        where = f"{params.file}: data.{table}"
        given = form.columns.get(KEY)
        if is_database(form.source):
            by_hand.append(f"{where}: comes from a database; take the customer out there")
            continue
        if given and given.name is None:
            by_hand.append(f"{where}: computes {KEY}, so that nobody can tell here whose a row is")
            continue
        ids = {customer_id} | {
            theirs for theirs, ours in (given.values if given else {}).items() if ours == customer_id
        }
        wanted = Wanted(frozenset(ids), form.called(KEY))
        required = any(column.name == KEY and column.required for column in TABLES[table].columns)
        forms = dict(joined_files(params, table, project))
        for file in source_files(params, table, project):
            if file.resolve() in seen:
                continue
            seen.add(file.resolve())
            name = shown_name(file, project)
            try:
                how = forms.get(file, form)
                removal = _prepared(
                    file, wanted, undo, header=how.header, delimiter=how.delimiter, encoding=how.encoding
                )
            except InputError as error:
                by_hand.append(f"{name}: {str(error).partition(': ')[2] or error}; take the customer out there")
                continue
            if (required or form.join) and not removal.keyed and file not in forms:
                by_hand.append(f"{name}: has no column {wanted.column}; take the customer out there")
            found.append(removal)
            if removal.named:
                rows = ", ".join(map(str, removal.named[:10])) + (" and more" if len(removal.named) > 10 else "")
                by_hand.append(f"{name}: rows of others name the customer: {rows}")
    return found, by_hand


def _named_elsewhere(
    project: Project, reports: Path, client: str, wanted: Wanted, seen: list[Removal], made: list[Path]
) -> list[str]:
    """Other files beside the data and the reports in which the customer's id stands."""
    known = {each.path for each in seen} | {file.resolve() for file in made}
    beside = [*(project.root / "data" / client).rglob("*"), *reports.glob("*"), *(reports / client).rglob("*")]
    others = [file for file in beside if file.is_file() and file.resolve() not in known and file.suffix != ".erasing"]
    return [
        f"{_shown(file, reports, project)}: names the customer"
        for file in others
        if wanted.is_named_in(file.read_bytes().decode("utf-8", "ignore"))
    ]


def _prepared(file: Path, wanted: Wanted, undo: ExitStack, **form) -> Removal:
    removal = without(file, wanted, **form)
    undo.callback(removal.new.unlink, missing_ok=True)
    return removal


def _outputs(folder: Path) -> Iterator[Path]:
    """Of every date what reports handed over on single customers, parts before what is joined from them."""
    for pattern in reversed(_FOR_THE_CLIENT):
        yield from sorted(folder.glob(f"*/{CONFIDENTIAL}/{pattern}"))


def _made(reports: Path, client: str) -> list[Path]:
    """All that says anything of the client but those: of each date, of the client, of all clients."""
    folder = reports / client
    dated = [file for file in folder.glob("*/*") if _is_day(file.parent.name) and file.suffix in _MADE]
    over = [folder / "index.html", folder / "failed.json", *reports.glob("index*.html")]
    return sorted(dated) + [file for file in over if file.exists()]


def _is_day(name: str) -> bool:
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False


def _earlier(path: Path) -> Receipt | None:
    if not path.exists():
        return None
    known = json.loads(path.read_text(encoding="utf-8"))
    return Receipt(**known | {name: tuple(known[name]) for name in ("dates", "by_hand")})


def _write(path: Path, receipt: Receipt) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}")
    with new.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(receipt), ensure_ascii=False, indent=1) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, path)


def _shown(file: Path, reports: Path, project: Project) -> str:
    below = file.is_relative_to(reports)
    return f"reports/{file.relative_to(reports).as_posix()}" if below else shown_name(file, project)
