"""The support that a value needs: a number of texts, or a share of them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.made import noisy, paper_gold, route
from valex_local.evaluation.evaluate import evaluate
from valex_local.evaluation.notes import notes
from valex_local.evaluation.support import smallest_support, support_count, support_given
from valex_local.schwartz import Polarity, Value

PRESENT, CONFLICTED = Polarity


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (30, 30),
        ("30", 30),
        (" 7 ", 7),
        ("5%", "5%"),
        ("5 %", "5%"),
        ("2.5%", "2.5%"),
        ("2,5 %", "2.5%"),
        ("100%", "100%"),
    ],
)
def test_what_is_understood(given, plain):
    assert support_given(given) == plain


@pytest.mark.parametrize("given", [0, -1, "0", "0%", "0.0%", "101%", "five", "", "%", "5%%", "-5%", "1.5"])
def test_what_is_not(given):
    with pytest.raises(ValueError, match="such as 5%"):
        support_given(given)


def test_a_share_of_the_papers_posts_is_what_its_code_keeps():
    assert support_count("5%", 888) == 45
    assert support_count("5%", 900) == 45, "exactly the share is enough"
    assert support_count("7%", 100) == 7, "no error of floats"
    assert support_count("5%", 3) == support_count("0.01%", 10) == 1
    assert smallest_support([30, "5%"], 888) == 30
    assert smallest_support([30, "5%"], 200) == 10


@given(percent=st.decimals("0.01", 100, places=2), texts=st.integers(1, 10**6))
def test_a_value_counts_exactly_if_its_share_reaches_the_limit(percent, texts):
    least = support_count(f"{percent}%", texts)
    share = Fraction(percent) / 100
    assert Fraction(least, texts) >= share
    assert least == 1 or Fraction(least - 1, texts) < share


def test_both_rules_of_the_paper():
    gold = paper_gold()
    thirty, five = (evaluate(gold, [route("a", noisy(gold, 2, 1))], resamples=0, min_support=s) for s in (30, "5%"))
    assert [len(support.values) for support in thirty.support] == [14, 7]
    assert [len(support.values) for support in five.support] == [13, 6]
    assert (thirty.min_support, thirty.min_support_given) == (30, None)
    assert (five.min_support, five.min_support_given) == (45, "5%")
    assert Value.TRADITION in {rare.value for rare in five.support[0].rare}
    assert Value.BENEVOLENCE_DEPENDABILITY in {rare.value for rare in five.support[1].rare}
    assert "A support of 5 % of 888 texts is 45, rounded up." in notes(five)
