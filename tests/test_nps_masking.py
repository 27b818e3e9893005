import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab import privacy
from crmlab.messages import speaking
from crmlab.nps.masking import SHOWN, excerpt, is_card_number, is_identity_number, masked

WIDE = {ord("0") + place: chr(0xFF10 + place) for place in range(10)}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("13800138000", "[phone number]"),
        ("138 0013-8000", "[phone number]"),
        ("+86 138-0013-8000", "[phone number]"),
        ("电话：１３８－００１３－８０００谢谢", "电话：[phone number]谢谢"),
        ("138\u200b0013\u200b8000", "[phone number]"),
        ("（010）6234 5678", "[phone number]"),
        ("400-810-8888", "[phone number]"),
        ("+44 20 7946 0958", "[phone number]"),
        ("+1 (415) 555-2671", "[phone number]"),
        ("身份证11010519491231002X，", "身份证[identity number]，"),
        ("１１０１０５１９４９１２３１００２Ｘ", "[identity number]"),
        ("110105 19491231 002x", "[identity number]"),
        ("110105194912310021", "[number]"),
        ("4111 1111 1111 1111", "[card number]"),
        ("护照E12345678", "护照[number]"),
        ("1234567", "[number]"),
        ("一三八〇〇一三八〇〇〇", "[number]"),
        ("加微信号：abc_123", "加微信号：[account]"),
        ("QQ：12345678", "QQ：[account]"),
        ("ａｎ＠ｑｑ．ｃｏｍ", "[e-mail address]"),
        ("an@sub.example.co.uk!", "[e-mail address]!"),
        ("see https://x.cn/a?id=1 now", "see [link] now"),
        ("room 12. 13800138000", "room 12. [phone number]"),
        ("2026-09-30 13800138000", "2026-09-30 [phone number]"),
    ],
)
def test_what_reaches_or_identifies_a_person_is_masked(text, shown):
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-30 10:30",
        "2025-2026年",
        "20260930",
        "12,345,678元",
        "waited 3 hours 45 minutes, 10/10",
        "24/7 since 1999",
        "wechat is good",
        "设备很好😀",
    ],
)
def test_dates_sums_and_small_numbers_stay(text):
    assert masked(text) == text


@pytest.mark.parametrize("text", ["王小明经理很好", "京A12345", "中山路8号3单元"])
def test_names_plates_and_addresses_are_not_promised(text):
    assert masked(text) == text


@given(st.integers(0, 10**15 - 1), st.sampled_from(["", " ", "-", "．", "·", "\u200d"]), st.booleans())
def test_no_mobile_number_is_shown_whatever_its_separators(rest, between, wide):
    number = f"13{rest % 10**9:09d}"
    typed = between.join((number[:3], number[3:7], number[7:]))
    shown = masked(f"call {typed.translate(WIDE) if wide else typed} please")
    digits = [letter for letter in unicodedata.normalize("NFKC", shown) if letter.isdigit()]
    assert not digits and shown.startswith("call [") and shown.endswith("] please")


@given(st.text(max_size=300))
def test_any_text_is_shown_in_one_line_within_its_length(text):
    shown = excerpt(text)
    assert len(shown) <= SHOWN and shown == " ".join(shown.split())
    assert not set("\u202e\u2066\x00\n") & set(shown)


def test_identity_numbers_are_checked():
    assert is_identity_number("11010519491231002X")
    assert not is_identity_number("110105194912310020") and not is_identity_number("1101051949123100")


def test_cards_are_checked():
    assert is_card_number("4111111111111111")
    assert not is_card_number("4111111111111112") and not is_card_number("0000000000000000")


@pytest.mark.parametrize(
    "hostile", ["a" * 10_000, "1-" * 5_000, "a@" * 5_000, "0" * 10_000, "<" * 10_000, "1" + " " * 9_999]
)
def test_hostile_comments_take_no_time_and_are_cut(hostile):
    assert len(excerpt(hostile)) <= SHOWN


def test_a_number_at_the_cut_is_masked_before_it_is_cut():
    assert "138001" not in excerpt("x" * (SHOWN - 8) + " 13800138000")


def test_masks_speak_the_report_s_language():
    with speaking("zh"):
        assert masked("13800138000").startswith("[")


def test_customers_names_are_taken_out_before_a_comment_is_cut(tmp_path):
    privacy.protect("acme", tmp_path, names=lambda: ["Acme Pumps Ltd", "C00012"])
    try:
        assert excerpt("Acme pumps (C00012): ask bo@acme-pumps.example") == "[name] ([name]): ask [e-mail address]"
        assert excerpt(f"{'x' * (SHOWN - 6)} Acme Pumps").endswith("x [nam…")
    finally:
        privacy.unprotected()
