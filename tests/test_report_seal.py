"""Sealed reports: nothing of them can be read without the password, and with it they are what they were."""

import base64
import re
import unicodedata

import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crmlab.cli import main
from crmlab.contract import InputError
from crmlab.report import audit, html, seal, templates
from tests.test_report_html import META, notebook

PASSWORD = "correct horse battery"
WRONG = "This password does not open the report."
HEAD = '<!DOCTYPE html>\n<html lang="en">'


@pytest.fixture(scope="module")
def report():
    return html.render(notebook("北林 Northern Tools C00042"), META)


@pytest.fixture(scope="module")
def sealed(report):
    return seal.seal(report, PASSWORD)


@pytest.fixture
def files(tmp_path, report, sealed):
    """The report and its sealed page, as files."""
    for name, page in (("report.html", report), ("report.sealed.html", sealed)):
        (tmp_path / name).write_text(page, encoding="utf-8", newline="\n")
    return tmp_path / "report.html", tmp_path / "report.sealed.html"


@pytest.fixture
def light(monkeypatch):
    """Without the work that makes guessing slow."""
    monkeypatch.setattr(seal, "ITERATIONS", 1)


def parts(page):
    """What a sealed page holds: salt, nonce, iterations, ciphertext."""
    soup = BeautifulSoup(page, "html.parser")
    form = soup.select_one("form#open")
    salt, nonce, content = (
        base64.b64decode(text, validate=True)
        for text in (form["data-salt"], form["data-nonce"], soup.select_one("#sealed").string)
    )
    return salt, nonce, int(form["data-iterations"]), content


def opened(salt, nonce, iterations, content, password):
    """By the book, without crmlab."""
    key = PBKDF2HMAC(SHA256(), 32, salt, iterations).derive(password.encode())
    return AESGCM(key).decrypt(nonce, content, None).decode()


def frame(page):
    """A sealed page without what is random or encrypted."""
    page = re.sub(r'data-(salt|nonce)="[^"]*"', "", page)
    return re.sub(r'(id="sealed">)[^<]*', r"\1", page)


def test_the_password_gives_the_report_back_to_the_byte(report, sealed):
    assert opened(*parts(sealed), PASSWORD) == report


def test_the_work_factor_is_that_of_today(sealed):
    salt, nonce, iterations, _ = parts(sealed)
    assert (len(salt), len(nonce)) == (16, 12)
    assert iterations >= 600_000


def test_the_page_around_a_report_does_not_depend_on_it(sealed):
    """So that nothing of a report stands there, not even its title; its script's hash is that of every report."""
    script = templates.script("report.js")["script_hash"]
    policy = f'<meta http-equiv="Content-Security-Policy" content="script-src \'{script}\'">'
    assert frame(sealed) == frame(seal.seal(f"{HEAD}{policy}<title>Another</title>", PASSWORD))


def test_no_word_of_the_report_stands_in_the_sealed_file(report, sealed):
    """Neither as text nor in what the ciphertext decodes to."""
    around, content = frame(sealed), parts(sealed)[3]
    words = {word for word in re.findall(r"\w{6,}", report) if word not in around}
    assert len(words) > 200 and {"C00042", "Northern"} < words
    assert [word for word in words if word in sealed or word.encode() in content] == []


def test_no_two_sealings_are_alike(light):
    first, second = (parts(seal.seal(HEAD, PASSWORD)) for _ in range(2))
    assert first[0] != second[0] and first[1] != second[1] and first[3] != second[3]


@settings(max_examples=60)
@given(text=st.text(), password=st.text(min_size=1))
def test_any_text_under_any_password(text, password):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seal, "ITERATIONS", 1)
        page = seal.seal(HEAD + text, password)
    assert opened(*parts(page), unicodedata.normalize("NFC", password)) == HEAD + text
    assert "<script" not in BeautifulSoup(page, "html.parser").select_one("#sealed").string


@given(data=st.data())
def test_a_sealed_report_that_was_tampered_with_does_not_open(data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seal, "ITERATIONS", 3)
        salt, nonce, iterations, content = parts(seal.seal(HEAD, PASSWORD))
    which = data.draw(st.sampled_from(["salt", "nonce", "content", "iterations", "password"]))
    given_ = {"salt": salt, "nonce": nonce, "content": content, "iterations": iterations, "password": PASSWORD}
    if which == "iterations":
        given_[which] = data.draw(st.integers(1, 9).filter(lambda n: n != iterations))
    elif which == "password":
        given_[which] = data.draw(st.text(st.characters(codec="utf-8")))
        assume(given_[which] != PASSWORD)
    else:
        at = data.draw(st.integers(0, len(given_[which]) - 1))
        altered = bytearray(given_[which])
        altered[at] ^= data.draw(st.integers(1, 255))
        given_[which] = bytes(altered)
    with pytest.raises(InvalidTag):
        opened(**given_)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_asks_in_the_language_of_the_report(light, language):
    page = seal.seal(html.render(notebook(), META | {"language": language}), PASSWORD)
    assert BeautifulSoup(page, "html.parser").html["lang"] == {"en": "en", "zh": "zh-CN"}[language]


def test_every_message_of_the_page_is_translated(light, untranslated):
    soup = BeautifulSoup(seal.seal('<!DOCTYPE html><html lang="zh-CN">', PASSWORD), "html.parser")
    form = soup.select_one("form")
    said = " ".join([form[f"data-{name}"] for name in ("wrong", "busy", "unable")])
    for each in soup.select("style, script"):
        each.decompose()
    assert untranslated(soup.get_text(" ") + said) == []


# in a real browser, from the disk


def enter(page, password):
    page.fill("input", password)
    page.press("input", "Enter")


def test_the_opened_report_looks_and_works_as_the_original(visit, files):
    original, *_rest = visit(files[0])
    page, asked, said = visit(files[1])
    assert page.title() == "Sealed report"
    enter(page, PASSWORD)
    page.wait_for_selector("h1:has-text('CDNOW')")
    assert page.title() == original.title()
    whole = "document.documentElement.outerHTML"
    assert page.evaluate(whole) == original.evaluate(whole)
    assert page.screenshot(full_page=True) == original.screenshot(full_page=True)
    assert page.evaluate("document.compatMode") == "CSS1Compat"
    # its script runs
    assert page.locator("details.code[open]").count() == 0
    page.click("#all-code")
    assert page.locator("details.code[open]").count() == page.locator("details.code").count() > 0
    # its links still count from where the file lies
    assert page.evaluate("document.querySelector('nav a').href").startswith("file://")
    assert [url for url in asked if not url.startswith("data:")] == [files[1].as_uri()]
    assert said == []


def test_in_the_opened_report_no_script_runs_but_its_own(visit, tmp_path, light):
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" + "A" * 43 + "='"
    hostile = (
        f'{HEAD}<head><meta http-equiv="Content-Security-Policy" content="{policy}"><title>x</title></head>'
        "<body><h1>inside</h1><script>window.XSS=1</script><img src=x onerror=window.XSS=1>"
        "<script src=data:text/javascript,window.XSS=1></script></body></html>"
    )
    (tmp_path / "a.html").write_text(seal.seal(hostile, PASSWORD))
    (tmp_path / "b.html").write_text(seal.seal(hostile.replace(policy, "default-src *"), PASSWORD))
    for name in ("a.html", "b.html"):
        page, asked, _said = visit(tmp_path / name)
        enter(page, PASSWORD)
        page.wait_for_selector("h1:has-text('inside')")
        assert page.evaluate("window.XSS") is None
        # a script put in later, and a request, are held off as well
        page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.XSS=1'}))")
        failed = page.evaluate("fetch('https://example.org/').then(() => false, () => true)")
        assert failed and page.evaluate("window.XSS") is None
        assert [url for url in asked if url.startswith("http")] == []


def test_a_wrong_password_shows_one_sentence_and_nothing_else(visit, files):
    page, asked, said = visit(files[1])
    before = page.locator("body").inner_text()
    for wrong in ("correct horse batterx", PASSWORD.upper(), " "):
        enter(page, wrong)
        page.wait_for_selector("#said.wrong")
        assert page.locator("body").inner_text().split() == [*before.split(), *WRONG.split()]
        assert page.evaluate("document.querySelectorAll('*').length") < 40
        page.evaluate("document.getElementById('said').className = ''")
    assert [url for url in asked if not url.startswith("data:")] == [files[1].as_uri()]
    assert said == []
    enter(page, PASSWORD)
    page.wait_for_selector("h1:has-text('CDNOW')")


def test_an_accent_may_be_typed_in_two_pieces(visit, tmp_path, light):
    (tmp_path / "a.html").write_text(seal.seal(f"{HEAD}<h1>inside</h1>", "café café café 密码"), encoding="utf-8")
    page, *_rest = visit(tmp_path / "a.html")
    enter(page, "cafe\u0301 cafe\u0301 cafe\u0301 密码")
    page.wait_for_selector("h1:has-text('inside')")


def test_without_scripts_it_says_what_it_needs(visit, files):
    page, *_rest = visit(files[1], java_script_enabled=False)
    assert "needs JavaScript" in page.locator("body").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_open_to_every_reader(visit, files, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page, *_rest = visit(files[1], color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    enter(page, "wrong")
    page.wait_for_selector("#said.wrong")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert [each["id"] for each in axe.run(page).response["violations"]] == []


# files and passwords


def sealed_files(*pages):
    return seal.seal_files(pages, PASSWORD, pytest.fail)


def test_a_sealed_file_lies_beside_the_report(files, light):
    files[1].unlink()
    (target,) = sealed_files(files[0])
    assert target == files[1] and seal.is_sealed(target)
    assert opened(*parts(target.read_text(encoding="utf-8")), PASSWORD) == files[0].read_text(encoding="utf-8")
    assert sorted(path.name for path in target.parent.iterdir()) == ["report.html", "report.sealed.html"]


def test_what_is_no_report_is_not_sealed_nor_is_what_was_named_with_it(files, tmp_path, light):
    files[1].unlink()
    (tmp_path / "notes.html").write_text("notes")
    (tmp_path / "photo.html").write_bytes(b"\xff\xd8")
    (tmp_path / "twice.html").write_text(seal.seal(HEAD, PASSWORD), encoding="utf-8")
    wrong = {"notes": "is no page of a report", "photo": "cannot be read: is no text", "twice": "is sealed already"}
    for name, fault in (wrong | {"none": "cannot be read: No such file"}).items():
        with pytest.raises(InputError, match=f"{name}.html: {fault}"):
            sealed_files(files[0], tmp_path / f"{name}.html")
    assert not files[1].exists()


def test_the_command_seals_published_reports_and_enters_them(small, report, monkeypatch, light):
    page = small.write("reports/acme/2024-03-31/value.html", report)
    audit.Log(small.root / "reports", small.root).note("published", [page])
    small.write("secret", f"{PASSWORD}\n")
    command = ["seal", "reports/acme/2024-03-31/value.html", "--password-file", "secret"]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (0, "sealed reports/acme/2024-03-31/value.sealed.html\n")
    result = CliRunner().invoke(main, ["verify"], catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "2 files, 2 entries of the audit log: all as they were published" in result.stdout
    monkeypatch.delenv(seal.VARIABLE, raising=False)
    result = CliRunner().invoke(main, command[:2], catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (2, "no password to seal reports with: set CRMLAB_SEAL_PASSWORD\n")


def test_the_password_comes_from_a_file_the_environment_or_the_keyboard(tmp_path, monkeypatch):
    file = tmp_path / "password"
    file.write_text("from a file, 1\r\n")
    monkeypatch.delenv(seal.VARIABLE, raising=False)
    assert seal.given_password(None, lambda: "from a keyboard") == "from a keyboard"
    monkeypatch.setenv(seal.VARIABLE, "from the environment")
    assert seal.given_password(None, lambda: "from a keyboard") == "from the environment"
    assert seal.given_password(file, None) == "from a file, 1"


def test_a_password_that_is_missing_or_short_is_an_error_that_does_not_show_it(tmp_path, monkeypatch):
    monkeypatch.delenv(seal.VARIABLE, raising=False)
    with pytest.raises(InputError, match="no password to seal reports with: set CRMLAB_SEAL_PASSWORD"):
        seal.given_password(None, None)
    monkeypatch.setenv(seal.VARIABLE, "tooshort")
    with pytest.raises(InputError, match="CRMLAB_SEAL_PASSWORD: must have 12 characters at least") as caught:
        seal.given_password(None, None)
    assert "tooshort" not in str(caught.value)
    with pytest.raises(InputError, match="no password can be read from it"):
        seal.given_password(tmp_path / "none", None)
