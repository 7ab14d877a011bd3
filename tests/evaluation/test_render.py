"""Renderings of an evaluation: on a wide and a narrow terminal, in Markdown, in CSV."""

import csv
import io

import numpy as np
import pytest
from rich.console import Console

from tests.evaluation.made import matrix, noisy, paper_gold, route
from valex_local.evaluation import tables
from valex_local.evaluation.agreement import agreement
from valex_local.evaluation.evaluate import evaluate
from valex_local.evaluation.layout import Detail, blocks
from valex_local.evaluation.render import CSV_COLUMNS, print_evaluation, to_csv, to_markdown
from valex_local.evaluation.results import Evaluation, Missing
from valex_local.evaluation.tables import RowKind
from valex_local.schwartz import CIRCLE, Polarity

HOSTILE = "=2+3|<b>[red]*x*"


@pytest.fixture(scope="module")
def found():
    gold = paper_gold()
    routes = [
        route("roberta-large", noisy(gold, 3, 1), noisy(gold, 3, 2)),
        route("gemini.fewshot", noisy(gold, 2, 3)),
        route(HOSTILE, noisy(gold, 1.5, 4, polarities=(0,))),
        route("tfidf", noisy(gold, 0.8, 5), baseline=True),
    ]
    users = {name: name.split("_")[0] for name in gold.ids}
    lacking = [Missing(name="dictionary", why="it needs the texts: give them with --texts")]
    evaluation = evaluate(gold, routes, groups=users, grouped_by="author", resamples=50, missing=lacking)
    sources = {"gold labels": gold, "roberta-large": routes[0].runs[0], "gemini.fewshot": routes[1].runs[0]}
    return evaluation.model_copy(update={"agreement": (agreement("routes", sources),)})


def printed(evaluation, width, details=()):
    text = io.StringIO()
    print_evaluation(Console(file=text, width=width), evaluation, details)
    return text.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120])
def test_nothing_is_wider_than_the_terminal_or_cut_off(found, width):
    text = printed(found, width, list(Detail))
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for name in ("roberta-large", "gemini.fewshot", "always-yes", "majority", "tfidf", HOSTILE):
        assert any(line.startswith(f"{name} ") for line in lines), f"{name} is broken over lines"


def test_a_wide_terminal_has_the_polarities_side_by_side_and_a_narrow_one_below_each_other(found):
    wide, narrow = (printed(found, width).splitlines() for width in (120, 80))
    assert wide[0].startswith("F1 of 888 texts: present over 14 values, conflicted over 7 values")
    assert "present" in wide[1]
    assert "conflicted" in wide[1]
    assert narrow[0] == "F1 of 888 texts: present over 14 values (support of 30 or more)"
    assert "F1 of 888 texts: conflicted over 7 values (support of 30 or more)" in narrow


def test_the_paper_s_table_shows_figures_and_intervals(found):
    table = tables.main_table(found, tuple(Polarity))
    always = next(row for row in table.rows if row.cells[0] == "always-yes")
    assert always.kind is tables.RowKind.BASELINE
    assert always.cells[1].startswith("0.341 [0.3")
    assert always.cells[4].startswith("0.253 [0.2")
    best = {row.cells[0] for row in table.rows if row.best}
    assert best == {"roberta-large"}
    assert table.rows[-1].cells == ("dictionary", *["–"] * 6)
    hostile = next(row for row in table.rows if row.cells[0] == HOSTILE)
    assert hostile.cells[4:] == ("–",) * 3


def test_an_average_over_fewer_values_is_marked_and_never_the_best():
    gold = paper_gold()
    perfect = noisy(gold, 9, 1)
    perfect.labels[:, 4] = float("nan")
    evaluation = evaluate(gold, [route("fewer", perfect), route("all", noisy(gold, 1, 1))], resamples=0)
    fewer, every = tables.main_table(evaluation, (Polarity.PRESENT,)).rows[:2]
    assert fewer.cells[1].endswith("*")
    assert not fewer.best
    assert every.best == {1, 2, 3}


def test_values_are_shown_in_circle_order_with_rare_ones_in_brackets(found):
    table = tables.value_table(found, found.routes[0], (Polarity.PRESENT,))
    assert [row.cells[0] for row in table.rows] == list(CIRCLE)
    rules = next(row for row in table.rows if row.cells[0] == "Conformity: rules")
    assert rules.cells[-1] == "(13)"
    assert rules.kind is tables.RowKind.FAINT


def test_a_share_of_no_resample_is_no_zero(found):
    table = tables.pairs_table(found, "roberta-large", Polarity.PRESENT)
    assert table.rows[0].cells[0] == "gemini.fewshot"
    assert table.rows[0].cells[2] == "<0.02"
    assert table.rows[0].cells[1].startswith("+0.")
    brief = tables.pairs_table(found, "roberta-large", Polarity.PRESENT, brief=True)
    assert len(brief.columns) == len(table.columns) - 2


def test_markup_in_a_name_stays_text(found):
    assert HOSTILE in printed(found, 120)
    text = to_markdown(found, list(Detail))
    assert r"=2+3\|\<b\>\[red\]\*x\*" in text
    assert "<b>" not in text
    assert HOSTILE not in text


def test_markdown_is_made_of_even_tables_and_notes(found):
    text = to_markdown(found)
    lines = text.splitlines()
    assert lines[0].startswith("### F1 of 888 texts")
    cells = [line.replace(r"\|", "").count("|") for line in lines[2:10]]
    assert len(set(cells)) == 1
    assert "**0." in text
    assert any(line.startswith("- Intervals: 95 %, 50 resamples of 91 groups") for line in lines)
    assert "by value" not in text
    assert "roberta-large by value" in to_markdown(found, [Detail.VALUES])


def test_csv_holds_every_figure_and_no_formula(found):
    rows = list(csv.DictReader(io.StringIO(to_csv(found))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
    assert {row["table"] for row in rows} == {
        "averages", "values", "calibration", "reliability", "circle", "support", "pairs", "agreement",
    }  # fmt: skip

    def one(**wanted):
        (row,) = [row for row in rows if wanted.items() <= row.items()]
        return row

    always = found.routes[3].of(Polarity.PRESENT).averages.weighted_f1
    row = one(table="averages", route="always-yes", polarity="present", figure="weighted_f1")
    assert [float(row[name]) for name in ("estimate", "low", "high")] == [always.value, always.low, always.high]
    rules = one(table="values", route="always-yes", polarity="present", of="Conformity: rules", figure="support")
    assert rules["estimate"] == "13"
    gain = one(
        table="pairs", route="roberta-large", versus="tfidf", polarity="conflicted", figure="macro_f1_difference"
    )
    assert float(gain["low"]) > 0


def test_a_formula_is_guarded_and_a_number_is_not():
    gold = paper_gold()
    # A spreadsheet skips blanks before the sign.
    evaluation = evaluate(gold, [route(" =1+1", noisy(gold, 0, 1)), route("better", noisy(gold, 3, 1))], resamples=10)
    pairs = [row for row in csv.DictReader(io.StringIO(to_csv(evaluation))) if row["table"] == "pairs"]
    assert (pairs[0]["route"], pairs[0]["versus"]) == ("' =1+1", "better")
    assert float(pairs[0]["estimate"]) < 0


def test_details_are_shown_when_asked_for(found):
    plain, full = (sum(1 for _ in blocks(found, details)) for details in ((), tuple(Detail)))
    assert plain == 5  # the table, two of differences, two of agreement
    assert full > plain + 8


def test_without_averages_single_values_are_still_shown():
    gold = paper_gold().take(range(3))
    evaluation = evaluate(gold, [route("a", noisy(gold, 1, 1))], resamples=0)
    text = printed(evaluation, 80)
    assert text.startswith("a by value, 3 texts\n")
    assert "· Few texts: no value has a support of 30 or more in present and conflicted" in text
    assert "by support" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_polarity_without_averages_is_shown_by_value_beside_the_table_of_the_other(found):
    gold = paper_gold()
    evaluation = evaluate(gold, [route("a", noisy(gold, 2, 1))], resamples=0, min_support=250)
    assert tables.assessed(evaluation) == (Polarity.PRESENT,)
    assert tables.too_few(evaluation) == (Polarity.CONFLICTED,)
    titles = [block[0][0].title for block in blocks(evaluation)]
    assert titles[0].startswith("F1 of 888 texts: present")
    assert titles[-1] == "a by value, 888 texts"
    both = evaluate(gold, [route("a", noisy(gold, 2, 1))], resamples=0, min_support=30)
    assert tables.too_few(evaluation.model_copy(update={"also": (both,)})) == ()


def test_what_cannot_be_said_of_a_value_is_a_dash():
    gold = matrix(np.zeros((12, 19, 2)))
    gold.labels[:3, 0, 0] = 1  # never predicted
    gold.labels[:2, 1, 0] = 1  # both found
    said = matrix(np.zeros((12, 19, 2)))
    said.labels[:2, 1, 0] = said.labels[5, 2, 0] = 1  # a false one, of a value that no text shows
    evaluation = evaluate(gold, [route("a", said)], resamples=0)
    table = tables.value_table(evaluation, evaluation.routes[0], (Polarity.PRESENT,))
    assert [row.cells[1:] for row in table.rows[:4]] == [
        ("–", "0.00", "0.00 [0.00, 0.72]", "0.40", "–", "(3)"),
        ("1.00", "1.00", "1.00 [0.51, 1.00]", "0.29", "–", "(2)"),
        ("0.00", "–", "–", "–", "–", "(0)"),
        ("–", "–", "–", "–", "–", "(0)"),
    ]
    assert [row.kind for row in table.rows[:3]] == [RowKind.ROUTE, RowKind.ROUTE, RowKind.FAINT]


def test_one_is_no_plural():
    gold = paper_gold().take(range(1))
    groups = {gold.ids[0]: "x"}
    evaluation = evaluate(gold, [route("a", gold)], groups=groups, grouped_by="author", min_support=1, resamples=9)
    text = printed(evaluation, 120)
    assert text.startswith("F1 of 1 text: ")
    assert "resamples of 1 group (author)" in text


def test_an_evaluation_of_agreement_alone(found):
    alone = Evaluation(agreement=found.agreement)
    text = printed(alone, 80)
    assert text.startswith("Agreement of routes: gold labels, roberta-large, gemini.fewshot")
    assert "Krippendorff" in text
    assert "F1" not in text
    assert "Intervals" not in text
