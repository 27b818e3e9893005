"""Attacks on what is secret: passwords in errors, and sealed pages read, in whatever form, without theirs."""

import base64
import binascii
import gzip
import re
from urllib.parse import quote

import pytest
from cryptography.exceptions import InvalidTag

from crmlab.contract import InputError
from crmlab.params import load_params
from crmlab.reading.urls import without_secrets
from crmlab.report import html, seal
from tests.conftest import BASE
from tests.test_report_html import META, notebook
from tests.test_report_seal import opened, parts

PASSWORD = "S3cr3t-Zt9/x"


@pytest.mark.parametrize(
    "url", ["postgresql://ann:{}@host/crm", "postgres://ann:{}@host:5432/crm?x=1", "mysql+pymysql://ann:{}@[::1]/crm",
            "postgresql://host/crm?user=ann&password={}", "mssql://host/crm;pwd={}", "snowflake://ann:{}@x/y?token={}",
            "oracle://ann:{}@host:1/?passphrase={}", "https://ann:{}@host/x.csv?access_key={}"],
)  # fmt: skip
@pytest.mark.parametrize("field", ["source", "currency", "as_of", "convert", "unknown"])
def test_no_error_repeats_a_password_whatever_field_it_stands_in(small, url, field):
    address = url.format(*[PASSWORD] * 2)
    text = {
        "source": BASE.replace("data/acme/transactions.csv", f"'{address}', query: SELECT 1"),
        "currency": BASE.replace("USD", f"'{address}'"),
        "as_of": f"{BASE}as_of: '{address}'\n",
        "convert": BASE.replace("csv}", f"csv, convert: {{currency: EUR, rates: '{address}'}}}}"),
        "unknown": f"{BASE}database: '{address}'\n",
    }[field]
    small.write("params/acme.yaml", text)
    with pytest.raises(InputError) as caught:
        load_params(small.project, "acme")
    assert PASSWORD not in str(caught.value) and PASSWORD[:6] not in str(caught.value)
    assert PASSWORD not in without_secrets(f"could not connect to {address}: timed out")


WORDS = "Krasnodar Nordwind insolvency 北林重工 K0RBMACHER"
ENCODED = {
    "as it stands": lambda word: word.encode(),
    "in two bytes": lambda word: word.encode("utf-16-le"),
    "as GB18030": lambda word: word.encode("gb18030"),
    "reversed": lambda word: word[::-1].encode(),
    "hexadecimal": lambda word: binascii.hexlify(word.encode()),
    "percent": lambda word: quote(word).encode() if not word.isascii() else word.lower().encode(),
    "entities": lambda word: "".join(f"&#{ord(sign)};" for sign in word).encode(),
    "escapes": lambda word: word.encode("unicode_escape") if not word.isascii() else word.upper().encode(),
    "xored": lambda word: bytes(byte ^ 0xFF for byte in word.encode()),
    "packed": lambda word: gzip.compress(word.encode(), mtime=0)[10:-8],
}


@pytest.fixture(scope="module")
def sealed():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seal, "ITERATIONS", 1)
        return seal.seal(html.render(notebook(WORDS), META | {"client": WORDS}), PASSWORD + PASSWORD)


@pytest.mark.parametrize("how", ENCODED)
@pytest.mark.parametrize("layer", ["page", "unpacked"])
def test_no_word_of_a_report_is_read_out_of_its_sealed_page(sealed, how, layer):
    content = sealed.encode()
    if layer == "unpacked":
        content = b"\n".join(base64.b64decode(each + "==") for each in re.findall(r"[A-Za-z0-9+/]{16,}", sealed))
    for word in WORDS.split():
        said = ENCODED[how](word)
        assert said not in content and base64.b64encode(said)[:-4] not in content


@pytest.mark.parametrize(
    "guess", ["", PASSWORD, PASSWORD * 2 + " ", " " + PASSWORD * 2, (PASSWORD * 2).lower(),
              (PASSWORD * 2)[:-1], PASSWORD * 3,
              (PASSWORD * 2).replace("3", "³")],
)  # fmt: skip
def test_no_other_password_opens_a_sealed_page(sealed, guess):
    assert "Krasnodar" in opened(*parts(sealed), PASSWORD * 2)
    with pytest.raises(InvalidTag):
        opened(*parts(sealed), guess)
