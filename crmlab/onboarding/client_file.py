"""A client's file, written from guesses: every guess that its evidence leaves in doubt says CHECK and why."""

import json
import re
from collections.abc import Sequence

from crmlab.contract import TABLES
from crmlab.onboarding.guess import Guess

# satisfaction is asked from 1 to 5 unless the file says otherwise
_USUAL_SCALE = 5
_SCALES = (5, 7, 10, 100)
_PLAIN = re.compile(r"[A-Za-z_\u4e00-\u9fff/][\w ./*\u4e00-\u9fff-]*(?<! )")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off")
_WIDE = 46
# what a status says of orders that never were
_GIVEN_UP = re.compile(r"cancel|void|storn|取消|作废|撤销", re.IGNORECASE)


def client_file(
    client: str, guesses: Sequence[Guess], *, currency: str, language: str, sure_of_currency: bool = True
) -> str:
    """The text of `params/<client>.yaml`.

    Parameters
    ----------
    client
        The client's id; its name on the reports is made from it.
    guesses
        Of the files that are tables, each another one.
    currency, language
        ISO 4217 code of all amounts, and `en` or `zh`.
    sure_of_currency
        Whether the files say which currency it is; else the line says CHECK.
    """
    name = client.replace("_", " ").replace("-", " ").strip()
    lines = [
        _line(f"client: {_scalar(name[:1].upper() + name[1:])}", "the name on the reports"),
        _line(f"language: {language}", "of the reports: en or zh"),
        _line(
            f"currency: {currency}",
            "ISO 4217 code; every amount is in it" if sure_of_currency else "CHECK: ISO 4217 code of all amounts",
        ),
        _line("timezone: UTC", "of the reports' days, such as Asia/Shanghai"),
        _line("as_of: latest", "the last date in the data; or a date, such as 2026-09-30"),
        "data:",
    ]
    for found in guesses:
        lines += _table(found)
    lines += _satisfaction(guesses)
    return "\n".join(lines) + "\n"


def _table(found: Guess) -> list[str]:
    contract, form = TABLES[found.table], found.look.form
    lines = [
        _line(f"  {found.table}:", contract.help),
        f"    source: {_scalar(form.source)}",
    ]
    if form.encoding:
        lines.append(_line(f"    encoding: {form.encoding}", "CHECK: as the first rows are"))
    for join in form.join:
        stated = "".join(f", {name}: {value}" for name, value in (("encoding", join.encoding),) if value)
        text = f"    join: {{source: {_scalar(join.source)}, on: {_scalar(join.on)}{stated}}}"
        lines.append(_line(text, f"CHECK: further columns are taken of the row there with the same {join.on}"))
    unclear = [name for name, match in found.columns.items() if found.look.columns[match.header].unclear]
    kinds = {contract.column(name).kind for name in unclear}
    if "date" in kinds:
        lines.append(_line("    # dates: dmy", "CHECK: say dmy or mdy, where not one date shows it"))
    if "number" in kinds:
        lines.append(_line("    # decimal: '.'", "CHECK: say '.' or ',', where not one number shows it"))
    lines.append(_line("    columns:", "the contract's name: the file's name"))
    for name, match in found.columns.items():
        text = f"      {name}: {_scalar(match.header)}"
        if match.values:
            pairs = ", ".join(f"{_scalar(value)}: {_scalar(meant)}" for value, meant in match.values)
            text = f"      {name}: {{from: {_scalar(match.header)}, values: {{{pairs}}}}}"
        lines.append(_line(text, f"CHECK: {match.doubt}" if match.doubt else ""))
    for column in contract.columns:
        if column.name not in found.columns:
            lines.append(_line(f"      # {column.name}:", f"not found: {column.help}"))
    taken = {match.header for match in found.columns.values()}
    left = [header for header in found.look.columns if header not in taken]
    for header in left if found.table == "transactions" else ():
        if given_up := [value for value in found.look.columns[header].few if _GIVEN_UP.search(value)]:
            named = header if header.isidentifier() else f"`{header}`"
            kept = " and ".join(f"{named} != {value!r}" for value in given_up)
            lines.append(
                _line(f"    # keep: {json.dumps(kept, ensure_ascii=False)}", "CHECK: as it is, these rows count")
            )
    if left:
        use = "kept as covariates" if contract.any_columns else "not used"
        lines.append(f"      # {use}: {', '.join(left)}")
    return lines


def _satisfaction(guesses: Sequence[Guess]) -> list[str]:
    """The scale of satisfaction, where it is not the usual one."""
    for found in guesses:
        if found.table == "surveys" and "csat" in found.columns:
            values = found.look.columns[found.columns["csat"].header]
            high = next((scale for scale in _SCALES if (values.high or 0) <= scale), None)
            if high is not None and high > _USUAL_SCALE:
                low = 1 if (values.low or 0) >= 1 else 0
                said = _line(f"  csat_scale: [{low}, {high}]", "CHECK: lowest and highest answer that could be given")
                return ["nps_analysis:", said]
    return []


def _line(text: str, comment: str) -> str:
    return f"{text:<{_WIDE}}  # {comment}" if comment else text


def _scalar(text: str) -> str:
    """A text of YAML 1.2, in quotation marks where it needs them."""
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if is_plain else json.dumps(text, ensure_ascii=False)
