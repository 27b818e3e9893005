"""The audit log: whatever anybody changes in it, or in what it speaks of, is found and named."""

import hashlib
import json
import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.contract import InputError
from crmlab.report import audit, signing
from crmlab.report.audit import HEAD, NAME, Log
from crmlab.report.verification import verify

PAGE, FIGURES, INDEX = "acme/2024-03-31/value.html", "acme/2024-03-31/value.json", "acme/index.html"
OTHER = "beta/2024-03-31/value.html"


def put(root, place, text):
    path = root / "reports" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def publish(root, log, **texts):
    """As a run does: the entry first, then the files."""
    paths = {root / "reports" / place: text for place, text in texts.items()}
    log.append("published", {path: hashlib.sha256(text.encode()).hexdigest() for path, text in paths.items()})
    for place, text in texts.items():
        put(root, place, text)


def fill(root):
    """Four entries: two reports, one of them made twice, and a page that the run ended with."""
    (root / "reports").mkdir(parents=True)
    log = Log(root / "reports", root)
    publish(root, log, **{PAGE: "first", FIGURES: "{}"})
    publish(root, log, **{OTHER: "beta's"})
    publish(root, log, **{PAGE: "second", FIGURES: '{"a": 1}'})
    log.note("pages", [put(root, INDEX, "all dates"), root / "reports" / "acme" / "never.html"])
    return root


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.delenv(signing.VARIABLE, raising=False)
    return fill(tmp_path / "project")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Files that examples change and put back."""
    return fill(tmp_path_factory.mktemp("shared") / "project")


def faults(root, *clients):
    return verify(root / "reports", root, clients).faults


def lines(root):
    return (root / "reports" / NAME).read_bytes().splitlines(keepends=True)


def rewrite(root, kept):
    (root / "reports" / NAME).write_bytes(b"".join(kept))


def test_what_stands_as_it_was_published_has_no_fault(root):
    verdict = verify(root / "reports", root)
    assert (verdict.faults, verdict.entries, verdict.files) == ((), 4, 4)
    assert verdict.last == hashlib.sha256(lines(root)[-1].rstrip(b"\n")).hexdigest()


def test_an_entry_says_who_did_what_when_from_what(root):
    log = Log(root / "reports", root)
    log.append("published", {}, client="acme", data="abc")
    entry = json.loads(lines(root)[-1])
    assert (entry["entry"], entry["event"], entry["client"], entry["data"]) == (5, "published", "acme", "abc")
    assert entry["by"] and entry["at"].endswith("+00:00")
    assert entry["previous"] == hashlib.sha256(lines(root)[-2].rstrip(b"\n")).hexdigest()


@given(data=st.data())
def test_any_byte_that_is_changed_added_or_cut_off_is_found(shared, data):
    place = data.draw(st.sampled_from([NAME, HEAD, PAGE, FIGURES, INDEX, OTHER]))
    path = shared / "reports" / place
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    change = data.draw(st.sampled_from(["alter", "insert", "cut", "drop"]))
    byte = bytes([content[at] ^ data.draw(st.integers(1, 255))])
    altered = {
        "alter": content[:at] + byte + content[at + 1 :],
        "insert": content[:at] + byte + content[at:],
        "cut": content[:at],
        "drop": content[:at] + content[at + 1 :],
    }[change]
    if altered == content:
        return
    path.write_bytes(altered)
    try:
        assert faults(shared)
    finally:
        path.write_bytes(content)


@given(order=st.permutations(range(4)), kept=st.integers(0, 4), twice=st.booleans())
def test_any_other_order_or_number_of_lines_is_found(shared, order, kept, twice):
    content = lines(shared)
    changed = [content[place] for place in order][:kept]
    changed += changed[-1:] if twice else []
    if changed == content:
        return
    rewrite(shared, changed)
    try:
        assert faults(shared)
    finally:
        rewrite(shared, content)


def test_a_file_that_was_altered_is_named(root):
    put(root, PAGE, "forged")
    assert faults(root) == (f"{PAGE}: was altered",)
    assert faults(root, "beta") == ()


def test_an_earlier_version_is_told_from_a_forged_one(root):
    put(root, PAGE, "first")
    (fault,) = faults(root)
    assert fault.startswith(f"{PAGE}: an earlier version stands, of 20")


def test_a_file_that_is_missing_and_one_that_was_added_are_named(root):
    (root / "reports" / OTHER).unlink()
    put(root, "acme/2024-03-31/forged.html", "x")
    assert faults(root) == ("acme/2024-03-31/forged.html: was added, no entry names it", f"{OTHER}: is missing")


def test_a_line_that_was_edited_is_named_and_its_word_counts_for_nothing(root):
    forged = put(root, OTHER, "forged")
    third = lines(root)[1].replace(hashlib.sha256(b"beta's").hexdigest().encode(), audit.digest(forged).encode())
    rewrite(root, [lines(root)[0], third, *lines(root)[2:]])
    assert faults(root) == (
        f"{NAME}: line 2: was edited, or signed with another key",
        f"{OTHER}: was added, no entry names it",
    )


def test_lines_that_were_removed_are_counted(root):
    first, _second, _third, last = lines(root)
    rewrite(root, [first, last])
    assert faults(root)[0] == f"{NAME}: line 2: entries 2 to 3 are missing before it"


def test_lines_removed_from_the_end_are_counted_even_if_their_files_went_with_them(root):
    rewrite(root, lines(root)[:3])
    (root / "reports" / INDEX).unlink()
    assert faults(root) == (f"{NAME}: entry 4 is missing at its end",)


def test_lines_in_another_order_are_named(root):
    first, second, third, last = lines(root)
    rewrite(root, [first, third, second, last])
    assert faults(root)[:2] == (
        f"{NAME}: line 2: entry 2 is missing before it",
        f"{NAME}: line 3: holds entry 2, which belongs further up: moved or repeated",
    )


def test_a_log_made_anew_with_another_key_is_found(root, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv(signing.VARIABLE, "ab" * 32)
        fill(tmp_path / "forger")
    shutil.rmtree(root / "reports")
    shutil.copytree(tmp_path / "forger/reports", root / "reports")
    found = faults(root)
    assert found[0].startswith(f"{HEAD}: is signed with another key")
    assert f"{NAME}: line 1: was edited, or signed with another key" in found
    # who has no key can tell the keys apart by what verify shows of them
    (root / "data" / signing.FILE).unlink()
    assert verify(root / "reports", root).key != signing.public(signing.signing_key(tmp_path))


def test_an_earlier_head_is_found(root):
    head = (root / "reports" / HEAD).read_bytes()
    log = Log(root / "reports", root)
    for _ in range(2):
        log.append("published", {})
    (root / "reports" / HEAD).write_bytes(head)
    assert faults(root) == (f"{HEAD}: is not that of this log, but an earlier one or another's",)


def test_a_torn_line_is_noticed_wherever_it_tears_and_mended_without_breaking_the_chain(root, tmp_path):
    head, written = (root / "reports" / HEAD).read_bytes(), lines(root)
    log = Log(root / "reports", root)
    log.append("published", {})
    torn = lines(root)[-1]
    for length in range(0, len(torn), 7):
        (root / "reports" / HEAD).write_bytes(head)
        rewrite(root, [*written, torn[:length]])
        assert faults(root) == (
            (f"{NAME}: its last line has no end, as after a run that was killed; the next run mends it",)
            if length else ()
        )  # fmt: skip
        Log(root / "reports", root).append("published", {})
        assert faults(root) == ()
        assert len(lines(root)) == 5


def test_a_run_killed_before_it_wrote_the_head_breaks_nothing(root, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            Log(root / "reports", root).append("published", {})
    assert (len(lines(root)), faults(root)) == (5, ())
    Log(root / "reports", root).append("published", {})
    assert (len(lines(root)), faults(root)) == (6, ())


def test_the_next_run_hides_no_line_that_was_removed(root):
    rewrite(root, lines(root)[:2])
    Log(root / "reports", root).append("published", {})
    assert f"{NAME}: line 3: entries 3 to 4 are missing before it" in faults(root)


def test_the_next_run_hides_no_log_that_was_removed(root):
    (root / "reports" / NAME).unlink()
    Log(root / "reports", root).append("published", {})
    assert f"{NAME}: line 1: entries 1 to 4 are missing before it" in faults(root)


def test_the_next_run_hides_no_head_that_was_removed(root):
    (root / "reports" / HEAD).unlink()
    rewrite(root, lines(root)[:3])
    assert faults(root)[0].startswith(f"{HEAD}: is missing or was changed")
    Log(root / "reports", root).append("published", {})
    assert f"{NAME}: line 4: does not follow from the line before it" in faults(root)


def test_the_next_run_follows_no_line_that_somebody_added(root):
    forged = json.loads(lines(root)[-1]) | {"entry": 5}
    rewrite(root, [*lines(root), json.dumps(forged).encode() + b"\n"])
    Log(root / "reports", root).append("published", {})
    assert f"{NAME}: line 5: was edited, or signed with another key" in faults(root)


def test_a_log_of_another_key_is_not_gone_on_with(root, monkeypatch):
    monkeypatch.setenv(signing.VARIABLE, "ab" * 32)
    with pytest.raises(InputError, match="is signed with another key.*move audit.jsonl and audit.head.json elsewhere"):
        Log(root / "reports", root)


def test_what_the_run_wrote_itself_is_noted_once(root):
    log = Log(root / "reports", root)
    page = put(root, INDEX, "another date")
    log.note("pages", [page])
    log.note("pages", [page])
    page.unlink()
    log.note("pages", [page])
    assert [json.loads(line)["files"] for line in lines(root)[4:]] == [
        {INDEX: hashlib.sha256(b"another date").hexdigest()},
        {INDEX: None},
    ]
    assert faults(root) == ()


def test_a_file_agrees_as_long_as_it_stands_as_the_log_says(root):
    log, page = Log(root / "reports", root), root / "reports" / PAGE
    assert log.agrees(page)
    page.write_text("forged")
    assert not log.agrees(page)
    assert log.agrees(page.with_name("unknown.html"))


def test_many_threads_make_one_chain(root):
    log = Log(root / "reports", root)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: log.append("published", {}, n=n), range(40)))
    assert (len(lines(root)), faults(root)) == (44, ())


def test_the_key_is_made_once_for_its_owner_alone(root):
    path = root / "data" / signing.FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(bytes.fromhex(path.read_text().strip())) == 32
    assert signing.public(signing.signing_key(root)) == signing.public(signing.signing_key(root))
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert not (root / "reports").joinpath(signing.FILE).exists()


def test_the_environment_prevails_over_the_file(root, monkeypatch):
    monkeypatch.setenv(signing.VARIABLE, "ab" * 32)
    assert signing.signing_key(root).private_bytes_raw() == bytes.fromhex("ab" * 32)


@pytest.mark.parametrize("wrong", ["ab" * 31, "not hexadecimal", "é" * 64])
def test_what_is_no_key_is_not_shown(root, monkeypatch, wrong):
    monkeypatch.setenv(signing.VARIABLE, wrong)
    with pytest.raises(InputError, match="CRMLAB_SIGNING_KEY: must hold 64 hexadecimal digits") as caught:
        signing.signing_key(root)
    assert wrong not in str(caught.value)


def test_a_file_that_this_user_may_not_read_is_named_and_the_others_are_checked(root, monkeypatch):
    digest = audit.digest

    def without_rights(path):
        if path == root / "reports" / PAGE:
            raise PermissionError(13, "Permission denied", str(path))
        return digest(path)

    monkeypatch.setattr(audit, "digest", without_rights)
    assert faults(root) == (f"{PAGE}: cannot be read by this user: not checked",)
