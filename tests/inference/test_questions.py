"""Questions to a study, from its records to the printed table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from valex_local.cli.estimate import estimate
from valex_local.cli.sample import sample
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import ConfigError, InputError
from valex_local.exchange.gold import write_gold
from valex_local.inference.estimators import Method
from valex_local.inference.questions import prevalence, read_material, regression, table
from valex_local.inference.samples import Design, draw_sample, read_sample, write_sample
from valex_local.records import Labels, LabelSource, Media, Post, PostText, ValueLabel
from valex_local.schwartz import CIRCLE, State
from valex_local.study import LabelKey, Study

KEY = LabelKey("template", "encoder")
VALUE = CIRCLE[3]
POSTS = 120


def is_present(number: int) -> bool:
    return number % 3 == 0


def machine_says(number: int) -> bool:
    """Right for the genre dance, and never for the other."""
    return is_present(number) if number % 2 else True


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = Study(tmp_path / "study", create=True)
    source = LabelSource(route="encoder", model="m@1", domain="made up", languages=("en",))
    for n in range(POSTS):
        post = f"post{n:03}"
        text = PostText(
            author=f"author{n // 2}", genre="dance" if n % 2 else "sport", posted_at=f"2024-{1 + n % 2:02}-03"
        )
        made.write(post, "post", Post(id=post, text=text))
        made.write(post, "media", Media(duration=10 + n))
        labels = tuple(
            ValueLabel(
                value=value, present=(0.9 if machine_says(n) else 0.1) if value is VALUE else 0.1, state=State.ABSENT
            )
            for value in CIRCLE
        )
        drawn = tuple(
            label.model_copy(update={"state": State.PRESENT}) if label.present > 0.5 else label for label in labels
        )
        made.write(post, "labels.template.encoder", Labels(script="template", source=source, values=drawn))
    return made


def code(study: Study, name: str, *, skip: int = 0) -> None:
    """Let anna code the posts of a sample, without the first few."""
    posts = [one.post for one in read_sample(study, name)][skip:]
    matrix = LabelMatrix.empty(posts)
    matrix.labels[:] = 0
    for row, post in enumerate(posts):
        matrix.labels[row, CIRCLE.index(VALUE), 0] = float(is_present(int(post[4:])))
    write_gold(study, "anna", matrix)


def call(command: object, *words: object) -> Result:
    return CliRunner().invoke(command, list(map(str, words)), catch_exceptions=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--by", "genre"],
        ["--by", "state", "--labels", "template.encoder", "--value", VALUE, "--equal"],
        ["--unsure", "--labels", "template.encoder"],
        ["--likely", "--labels", "template.encoder", "--value", VALUE],
    ],
)
def test_shares_are_right_by_every_design(study: Study, words: list[str]):
    done = call(sample, "first", "-s", study.root, "--size", 60, *words)
    assert done.exit_code == 0
    assert done.stdout.startswith("60 posts")
    code(study, "first")
    material = read_material(study, KEY, "first")
    (answer,) = prevalence(material, [VALUE])
    truth = np.mean([is_present(n) for n in range(POSTS)])
    value, low, high = answer.methods[Method.CORRECTED]
    assert low <= truth <= high
    assert abs(value - truth) < 0.12
    assert answer.methods[Method.MACHINE][0] > 0.6
    assert answer.coded == 60


def test_the_tables_are_printed_and_fit(study: Study):
    call(sample, "first", "-s", study.root, "--size", 60)
    code(study, "first", skip=5)
    common = ["-s", study.root, "--labels", "template.encoder", "--sample", "first", "--value", VALUE]
    for words in (["prevalence"], ["difference", "--by", "genre"], ["regression", "--on", "duration,genre"]):
        done = call(estimate, *words, *common)
        assert done.exit_code == 0, done.output
        assert "5 of 60 posts of the sample have no gold labels" in " ".join(done.stdout.split())
        assert max(map(len, done.stdout.partition("corrected:")[0].splitlines())) <= 80
    data = json.loads(call(estimate, "difference", "--by", "genre", *common, "--json").stdout)
    answer = data["answers"][0]
    assert answer["what"] == "sport - dance"
    assert answer["corrected"][1] <= 0 <= answer["corrected"][2], "both genres show it equally often"
    assert answer["machine labels alone"][1] > 0.3, "the machine is wrong about one of them"


def test_the_table_for_other_programs(study: Study, tmp_path: Path):
    call(sample, "first", "-s", study.root, "--size", 20)
    code(study, "first")
    out = tmp_path / "dsl.csv"
    common = ["-s", study.root, "--labels", "template.encoder", "--sample", "first", "--value", VALUE]
    assert call(estimate, "table", *common, "-o", out).exit_code == 0
    rows = list(csv.DictReader(out.open()))
    assert len(rows) == POSTS
    assert sum(row["sampled"] == "1" for row in rows) == 20
    assert all((row["gold"] != "") == (row["sampled"] == "1") for row in rows)
    assert {row["inclusion_probability"] for row in rows} == {f"{20 / POSTS:.10g}"}
    assert {row["cluster"] for row in rows} == {f"author{n}" for n in range(POSTS // 2)}


def test_probabilities_in_the_table_sum_to_the_size_of_the_sample(study: Study):
    """dsl scales them to that sum, so that any other sum would change those of the sample."""
    words = ["--likely", "--labels", "template.encoder", "--value", VALUE]
    call(sample, "rare", "-s", study.root, "--size", 30, *words)
    code(study, "rare")
    head, *rows = table(read_material(study, KEY, "rare"), [VALUE])
    probability = [float(row[head.index("inclusion_probability")]) for row in rows]
    assert sum(probability) == pytest.approx(30, rel=1e-6)
    assert all(0 < one <= 1 for one in probability)
    drawn = {one.post: one.probability for one in read_sample(study, "rare")}
    found = {
        row[0]: float(row[head.index("inclusion_probability")]) for row in rows if row[head.index("sampled")] == "1"
    }
    assert found == pytest.approx(drawn)
    assert len(set(drawn.values())) > 1


def test_a_rare_value_is_marked(study: Study):
    call(sample, "first", "-s", study.root, "--size", 20)
    code(study, "first")
    assert all(answer.is_thin for answer in prevalence(read_material(study, KEY, "first"), [CIRCLE[0]]))


def test_what_is_missing_is_said(study: Study):
    with pytest.raises(InputError, match="labels"):
        read_material(study, LabelKey("gemini", "encoder"), "first")
    with pytest.raises(InputError, match="gold"):
        read_material(study, KEY, "first")
    write_sample(study, "first", draw_sample(study, Design(10)), Design(10))
    code(study, "first")
    with pytest.raises(InputError):
        read_material(study, KEY, "second")
    with pytest.raises(ConfigError):
        list(regression(read_material(study, KEY, "first"), [VALUE], ["weather"]))
    with pytest.raises(ConfigError):
        list(regression(read_material(study, KEY, "first"), [VALUE], ["language"]))


@pytest.mark.parametrize(
    "design",
    [Design(5, by="weather"), Design(5, unsure=True), Design(5, likely=True), Design(5, by="genre", unsure=True)],
)
def test_designs_that_cannot_be(study: Study, design: Design):
    with pytest.raises(ConfigError):
        draw_sample(study, design)


def test_a_sample_is_never_replaced(study: Study):
    path = write_sample(study, "first", draw_sample(study, Design(5)), Design(5))
    with pytest.raises(ConfigError):
        write_sample(study, "first", [], Design(5))
    with pytest.raises(ConfigError):
        write_sample(study, "../first", [], Design(5))
    path.write_text("post_id,inclusion_probability,stratum\npost001,2,\n")
    with pytest.raises(InputError, match="row 2"):
        read_sample(study, "first")
