import hashlib
import hmac
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab import privacy
from crmlab.contract import TABLES, InputError
from crmlab.privacy import coded, coded_ids, pseudonym, pseudonym_key, pseudonyms, rejected_value, without_names

KEY = bytes(range(32))
CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}")


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    """No client is open, and none stays open for the next test."""
    monkeypatch.delenv(privacy.VARIABLE, raising=False)
    privacy.unprotected()
    yield
    privacy.unprotected()


def test_a_code_is_cut_from_the_hmac_of_client_and_id():
    number = int.from_bytes(hmac.new(KEY, b"acme\0C00012", hashlib.sha256).digest(), "big")
    signs = ["0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(number >> 256 - 5 * place) & 31] for place in range(1, 9)]
    assert pseudonym("acme", "C00012", KEY) == f"{''.join(signs[:4])}-{''.join(signs[4:])}"


@given(st.text(), st.sampled_from(["acme", "ac", "me"]))
def test_codes_are_short_and_the_same_every_time(customer, client):
    code = pseudonym(client, customer, KEY)
    assert CODE.fullmatch(code)
    assert code == pseudonym(client, customer, KEY)


def test_another_client_key_or_customer_has_another_code():
    cases = [("acme", "1", KEY), ("beta", "1", KEY), ("acme", "2", KEY), ("acme", "1", bytes(32)), ("acm", "e1", KEY)]
    assert len({pseudonym(*case) for case in cases}) == len(cases)


def test_who_would_share_a_code_gets_a_longer_one(monkeypatch):
    # a code of one sign to begin with: of 200 customers many share it
    monkeypatch.setattr(privacy, "_GROUP", 1)
    monkeypatch.setattr(privacy, "_GROUPS", 1)
    ids = [f"C{n}" for n in range(200)]
    codes = pseudonyms("acme", ids, KEY)
    assert len(set(codes.values())) == 200
    for each, code in codes.items():
        assert code.startswith(pseudonym("acme", each, KEY))
    assert max(map(len, codes.values())) > 1
    assert pseudonyms("acme", reversed(ids), KEY) == codes


def test_codes_of_many_are_those_of_each():
    ids = [f"C{n}" for n in range(500)]
    assert pseudonyms("acme", ids, KEY) == {each: pseudonym("acme", each, KEY) for each in ids}


def test_the_key_is_made_once_for_its_owner_alone(tmp_path):
    key = pseudonym_key(tmp_path)
    path = tmp_path / "data" / ".pseudonym_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(key) == 32 and bytes.fromhex(path.read_text()) == key
    assert pseudonym_key(tmp_path) == key
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_file_of_the_key_is_never_committed():
    root = Path(__file__).parents[1]
    asked = subprocess.run(["git", "check-ignore", "data/.pseudonym_key"], cwd=root, capture_output=True, text=True)
    if asked.returncode == 128:
        pytest.skip("not in a git repository")
    assert asked.stdout.strip() == "data/.pseudonym_key"


def test_the_environments_key_goes_first(tmp_path, monkeypatch):
    monkeypatch.setenv(privacy.VARIABLE, KEY.hex())
    assert pseudonym_key(tmp_path) == KEY
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("wrong", ["short", "zz" * 32, "ab" * 31, "ab" * 33, "密" * 64])
def test_what_is_no_key_is_said_without_showing_it(tmp_path, monkeypatch, wrong):
    monkeypatch.setenv(privacy.VARIABLE, wrong)
    with pytest.raises(InputError, match="CRMLAB_PSEUDONYM_KEY: must hold 64 hexadecimal digits") as caught:
        pseudonym_key(tmp_path)
    assert wrong not in str(caught.value)


def test_a_key_file_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(InputError, match="set CRMLAB_PSEUDONYM_KEY instead"):
        pseudonym_key(tmp_path)


def test_once_a_client_is_open_its_customers_are_shown_by_code(tmp_path):
    privacy.protect("acme", tmp_path)
    frame = pd.DataFrame({"customer_id": ["C1", None, "C2"], "order_id": ["S1", "S2", None], "n": [1, 2, 3]})
    found, key = coded_ids(frame), pseudonym_key(tmp_path)
    assert found["customer_id"].tolist()[::2] == [pseudonym("acme", "C1", key), pseudonym("acme", "C2", key)]
    assert pd.isna(found["customer_id"][1]) and pd.isna(found["order_id"][2])
    assert found["n"].tolist() == [1, 2, 3]
    assert frame["customer_id"][0] == "C1"


def test_ids_in_an_index_or_a_series_are_coded_too(tmp_path):
    privacy.protect("acme", tmp_path)
    frame = pd.DataFrame({"customer_id": ["C1", "C2"], "n": [1, 2]})
    codes = [coded("C1"), coded("C2")]
    assert coded_ids(frame.set_index("customer_id")).index.tolist() == codes
    assert coded_ids(frame["customer_id"]).tolist() == codes
    assert coded_ids(frame.set_index("customer_id")["n"]).index.tolist() == codes


def test_a_frame_without_ids_stays_the_same():
    frame = pd.DataFrame({"region": ["North"], "name": ["response time"], "columns": [1], "customers": [7]})
    assert coded_ids(frame) is frame


def test_no_key_is_made_where_no_id_is_shown(tmp_path):
    privacy.protect("acme", tmp_path)
    coded_ids(pd.DataFrame({"region": ["North"]}))
    assert not (tmp_path / "data").exists()


def test_before_a_client_is_open_ids_are_hidden_under_a_key_that_nobody_keeps():
    assert CODE.fullmatch(coded("C1"))
    assert coded("C1") == coded("C1") != "C1"
    before = coded("C1")
    privacy.unprotected()
    assert coded("C1") != before


def test_every_id_of_the_contract_is_known():
    assert {"customer_id", "order_id", "project_id"} <= privacy.IDS
    assert TABLES["customers"].column("name").personal
    for table in TABLES.values():
        assert {column.name for column in table.columns if column.name == "comment"} <= privacy.FREE_TEXT


@pytest.mark.parametrize(
    "value", ["11", "-1", "3.5", "2026-02-30", "31.02.2026", "2026-13-01 10:30", "12,5", "150%", ""]
)
def test_a_broken_number_or_date_is_shown(value):
    assert rejected_value("nps", value) == value


@pytest.mark.parametrize(
    "value",
    [
        "王小明",
        "Ann Lee",
        "an@example.cn",
        "13800138000",
        "138 0013 8000",
        "110105194912310021",
        "C00012",
        "１２",
        "10001",
        "C1,2024-01-01,Ann",
    ],
)
def test_of_anything_else_only_its_length_is_shown(value):
    assert rejected_value("amount", value) == f"[{len(value)} signs]"
    assert rejected_value("line", value) == f"[{len(value)} signs]"


def test_an_id_that_is_given_twice_is_shown_by_its_code(tmp_path):
    privacy.protect("acme", tmp_path)
    assert rejected_value("customer_id", "1042") == pseudonym("acme", "1042", pseudonym_key(tmp_path))
    assert rejected_value("customer_id", "") == ""


def test_what_is_told_of_a_value_is_in_the_readers_language(tmp_path, untranslated):
    privacy.protect("acme", tmp_path, names=lambda: ["王小明"])
    assert not untranslated(rejected_value("amount", "王小明"))
    assert not untranslated(without_names("王小明"))


@pytest.mark.parametrize(
    ("names", "text", "shown"),
    [
        (["元和林业"], "元和林业的设备很好", "[name]的设备很好"),
        (["元和", "元和林业有限公司"], "元和林业有限公司！元和", "[name]！[name]"),
        (["Ann"], "Ann said Annual, ANN.", "[name] said Annual, [name]."),
        (["C00012"], "客户C00012来电, C000123", "客户[name]来电, C000123"),
        (["A+B (X)"], "by A+B (X)", "by [name]"),
        (["元和林业有限公司"], "元和林业很好，元和也好", "[name]很好，元和也好"),
        (["Acme Pumps, Inc."], "ACME Pumps is late", "[name] is late"),
        (["王五"], "问王五", "问[name]"),
        # too short, or a number that may mean anything
        (["17", "AB", "2026", ""], "17 AB in 2026", "17 AB in 2026"),
        (["20260001"], "no 20260001.", "no [name]."),
        ([], "nobody", "nobody"),
    ],
)
def test_names_in_what_people_wrote_are_replaced(tmp_path, names, text, shown):
    privacy.protect("acme", tmp_path, names=lambda: names)
    assert without_names(text) == shown


def test_names_are_asked_for_only_where_something_was_written(tmp_path):
    privacy.protect("acme", tmp_path, names=lambda: pytest.fail("asked"))
    assert without_names(" ") == " "


def test_names_are_asked_for_once(tmp_path):
    asked = []
    privacy.protect("acme", tmp_path, names=lambda: asked.append(1) or ["Ann"])
    assert [without_names(text) for text in ("Ann", "Ben")] == ["[name]", "Ben"]
    assert len(asked) == 1


def test_frames_that_a_cell_shows_have_codes():
    """In a shell of their own: what is registered there stays."""
    code = (
        "import pandas as pd; from IPython.testing.globalipapp import start_ipython\n"
        "from crmlab import privacy; from pathlib import Path\n"
        "shell = start_ipython()\n"
        "shell.display_formatter.active_types = [*shell.display_formatter.formatters]\n"
        "privacy.protect('acme', Path('nowhere'))\n"
        "frame = pd.DataFrame({'customer_id': ['C00012'], 'n': [1]})\n"
        "named = frame.set_index('customer_id')\n"
        "for each in (frame, named, frame['customer_id'], named['n']):\n"
        "    data, _about = shell.display_formatter.format(each)\n"
        "    assert 'C00012' not in str(data), data\n"
        "    assert privacy.coded('C00012') in data['text/plain']\n"
        "assert privacy.coded('C00012') in shell.display_formatter.format(frame)[0]['text/html']\n"
    )
    environment = os.environ | {privacy.VARIABLE: KEY.hex()}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_outside_a_notebook_frames_stay_as_they_are(tmp_path):
    privacy.protect("acme", tmp_path)
    assert "C00012" in repr(pd.DataFrame({"customer_id": ["C00012"]}))
