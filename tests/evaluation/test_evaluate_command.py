"""`valex evaluate`, from files to tables."""

import csv
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner

from tests.comparison.made import add_post, labels, whole
from tests.evaluation.made import noisy, paper_gold
from tests.evaluation.test_inputs import texts_of
from tests.evaluation.test_routes import model_directory
from valex_local.cli.evaluate import evaluate
from valex_local.corpus import read_texts
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.post_finder import digest_of, plain_name
from valex_local.corpus.writers import write_authors, write_long
from valex_local.errors import ConfigError, InputError, StudyError
from valex_local.evaluation.inputs import prepare
from valex_local.evaluation.results import Evaluation
from valex_local.evaluation.routes import read_source
from valex_local.exchange.labels import import_labels
from valex_local.posts.ids import post_id
from valex_local.records import Post, PostText
from valex_local.study import Study


@pytest.fixture(scope="module")
def gold():
    return paper_gold().take(range(200))


@pytest.fixture(scope="module")
def files(tmp_path_factory, gold):
    """Gold labels, two routes, a model directory and texts."""
    folder = write_files(tmp_path_factory.mktemp("files"), gold)
    model_directory(folder / "encoder", gold)
    with (folder / "texts.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["video_id", "script", "language"])
        writer.writerows([text.id, text.text, "en"] for text in texts_of(gold))
    return folder


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """The same of as many texts as the paper has, which takes longer to read."""
    return write_files(tmp_path_factory.mktemp("paper"), paper_gold())


def write_files(folder, gold):
    write_authors(folder / "gold.csv", gold)
    write_long(folder / "good.csv", {str(seed): noisy(gold, 3, seed) for seed in range(2)})
    write_long(folder / "fair.csv", {"": noisy(gold, 1.5, 9)})
    write_long(folder / "two.csv", {"ann": gold, "ben": noisy(gold, 3, 3)})
    return folder


@pytest.fixture
def valex(files, monkeypatch):
    def call(*arguments, width=120, folder=files):
        monkeypatch.chdir(folder)
        done = CliRunner().invoke(evaluate, list(arguments), env={"COLUMNS": str(width)})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return call


def rows(text):
    """Return the lines of the first table by their first word."""
    table = text.split("\n\n")[0]
    return {line.split()[0]: line for line in table.splitlines() if line.split()}


def test_two_routes_and_gold_labels_make_the_paper_s_table(valex, paper):
    text = valex("good.csv", "other=fair.csv", "--labels", "gold.csv", "--resamples", "100", folder=paper)
    assert text.startswith("F1 of 888 texts: present over 14 values")
    lines = rows(text)
    assert "0.341 [0.3" in lines["always-yes"]
    assert "0.253 [0.2" in lines["always-yes"]
    for name in ("good", "other", "majority", "dictionary", "tfidf"):
        assert name in lines
    assert "good minus others: present" in text
    assert "91 groups (author)" in text
    assert "dictionary has no figures: it needs the texts" in text


def test_a_model_directory_needs_no_more(valex):
    text = valex("encoder", "--resamples", "20", width=80)
    assert text.startswith("F1 of 200 texts: present over 8 values (support of 30 or more)\n")
    assert "out of fold; trained on short videos (en)" in text
    assert "means over 3 runs" in text


def test_json_is_the_whole_evaluation(valex):
    found = Evaluation.model_validate(
        json.loads(valex("good.csv", "--labels", "gold.csv", "--resamples", "20", "--as", "json"))
    )
    assert found.resamples == 20
    assert [r.name for r in found.routes] == ["good", "always-yes", "majority"]
    assert found.routes[0].runs == 2


def test_csv_and_markdown(valex):
    options = ("good.csv", "--labels", "gold.csv", "--resamples", "10", "--as")
    rows = list(csv.DictReader(io.StringIO(valex(*options, "csv"))))
    assert rows[0]["route"] == "good"
    assert valex(*options, "markdown").startswith("### F1 of 200 texts")


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
def test_what_is_written_is_what_would_be_printed(valex, files, form):
    options = ("good.csv", "--labels", "gold.csv", "--resamples", "10", "--as", form)
    assert "written: out.txt" in valex(*options, "-o", "out.txt")
    text = (files / "out.txt").read_text("utf-8")
    assert [line.rstrip() for line in valex(*options).splitlines()] == text.splitlines()
    assert not list(files.glob(".*part"))


def test_what_cannot_be_written_is_reported(valex):
    with pytest.raises(StudyError, match="cannot write"):
        valex("good.csv", "--labels", "gold.csv", "--resamples", "0", "-o", "no/such/folder/out.txt")


def test_details(valex):
    text = valex(
        "good.csv",
        "--labels",
        "gold.csv",
        "--resamples",
        "10",
        "--per-value",
        "--calibration",
        "--circle",
        "--agreement",
    )
    for title in (
        "good by value, 200 texts",
        "F1 by support: present",
        "Calibration",
        "Errors on the circle",
        "Agreement of routes",
    ):
        assert title in text


def test_pairs_that_are_asked_for(valex):
    text = valex("good.csv", "fair.csv", "--labels", "gold.csv", "--resamples", "10", "--compare", "fair", "always-yes")
    assert "fair minus others" in text
    assert "good minus others" not in text
    with pytest.raises(InputError, match="no route 'none'"):
        valex("good.csv", "--labels", "gold.csv", "--compare", "good", "none")


def test_texts_bring_the_baselines_that_need_them(valex):
    text = valex("good.csv", "--labels", "gold.csv", "--texts", "texts.csv", "--resamples", "10")
    lines = rows(text)
    assert lines["dictionary"].split()[1].startswith("0.")
    assert lines["tfidf"].split()[1].startswith("0.")
    assert "is not in the table" not in text


def test_groups_can_be_chosen(valex):
    assert "single texts" in valex("good.csv", "--labels", "gold.csv", "--resamples", "10", "--group", "none")
    with pytest.raises(InputError, match="cannot be grouped by 'colour'"):
        valex("good.csv", "--labels", "gold.csv", "--group", "colour")


def test_the_support_that_values_need(valex, paper):
    text = valex("good.csv", "--labels", "gold.csv", "--resamples", "0", "--min-support", "100", folder=paper)
    assert "present over 9 values, conflicted over 3 values" in text


def test_a_table_for_each_support_asked_for(valex, paper):
    options = ("good.csv", "--labels", "gold.csv", "--resamples", "0", "--min-support", "30", "--min-support", "5%")
    text = valex(*options, folder=paper)
    assert "present over 14 values, conflicted over 7 values (support of 30 or more)" in text
    assert "present over 13 values, conflicted over 6 values (support of 45 or more, 5 % of the texts)" in text
    found = Evaluation.model_validate_json(valex(*options, "--as", "json", folder=paper))
    assert [(each.min_support, each.min_support_given) for each in (found, *found.also)] == [(30, None), (45, "5%")]
    rows = [row for row in csv.DictReader(io.StringIO(valex(*options, "--as", "csv", folder=paper)))]
    of = {row["of"] for row in rows if row["table"] == "averages"}
    assert of == {"support of 30 or more", "support of 45 or more, 5 % of the texts"}
    with pytest.raises(AssertionError, match="such as 5%, not 'many'"):
        valex("good.csv", "--labels", "gold.csv", "--min-support", "many")


def test_labels_of_a_study_are_chosen_by_route_and_script(valex, tmp_path, gold):
    study = Study(tmp_path / "study", create=True)
    for row, name in enumerate(gold.ids[:60]):
        add_post(study, name, whole("template"), whole("gemini"), labelled=[labels("template", {})])
        if row < 5:
            study.write(name, "labels.gemini.encoder", labels("gemini", {}))
            study.write(name, "labels.template.encoder@mpnet", labels("template", {}, model="mpnet"))
    options = (str(study.root), "--labels", "gold.csv", "--resamples", "0", "--min-support", "1", "--as", "json")

    def found(*more):
        evaluation = Evaluation.model_validate_json(valex(*options, *more))
        return [route.name for route in evaluation.routes if not route.baseline], evaluation.items

    every = ["gemini.encoder", "template.encoder", "template.encoder@mpnet"]
    assert found() == (every, 5)
    assert found("--routes", "encoder") == (every, 5)
    assert found("--routes", "encoder@mpnet") == (every[2:], 5)
    assert found("--routes", "template.encoder") == (every[1:2], 60)
    assert found("--scripts", "gemini, template", "--scripts", "template") == (every, 5)
    with pytest.raises(InputError, match="no labels of the script 'local'"):
        valex(*options, "--scripts", "local")
    with pytest.raises(InputError, match="The labels are: none"):
        valex("good.csv", "--labels", "gold.csv", "--routes", "encoder")


def test_labels_of_views_and_texts_without_some_elements(valex, tmp_path, gold):
    study = Study(tmp_path / "study", create=True)
    for name in gold.ids[:60]:
        add_post(study, name, whole("template"), labelled=[labels("template", {}), labels("template~speech", {})])
    options = ("--labels", "gold.csv", "--resamples", "0", "--min-support", "1", "--as", "json")

    def found(*more):
        evaluation = Evaluation.model_validate_json(valex(*more, *options))
        return [route.name for route in evaluation.routes if not route.baseline]

    assert found(str(study.root)) == ["template.encoder", "template~speech.encoder"]
    assert found(str(study.root), "--scripts", "template~speech") == ["template~speech.encoder"]
    texts = read_texts(study.root, script="~speech")
    assert not any("rivers" in text.text for text in texts) and all("Jacket $4" in text.text for text in texts)
    assert found("good.csv", "--texts", str(study.root), "--without", "speech") == ["good"]
    with pytest.raises(ConfigError, match="--without is for the scripts of a study"):
        valex("good.csv", "--labels", "gold.csv", "--texts", "texts.csv", "--without", "speech")


def own_names(tmp_path, gold, author=None):
    """Make a study of scripts under a lab's own names, their gold labels, and return those names and the ids."""
    study, sheet = Study(tmp_path / "a study", create=True), gold.take(range(40))
    names = [f"Interview {row}" for row in range(len(sheet))]
    ids = [post_id(None, plain_name(name), digest_of(plain_name(name))) for name in names]
    for row, name in enumerate(ids):
        add_post(study, name, whole("template"), whole("gemini"), labelled=[labels("template", {})])
        study.write(name, "post", Post(id=name, text=PostText(author=author and f"{author}{row % 8}")))
    named = LabelMatrix(tuple(names), sheet.labels, sheet.probabilities, sheet.dominant)
    write_long(tmp_path / "own.csv", {"": named})
    return study, named, ids


def test_posts_under_a_lab_s_own_names_are_found(valex, tmp_path, gold):
    study, named, ids = own_names(tmp_path, gold)
    options = ("--labels", str(tmp_path / "own.csv"), "--resamples", "0", "--min-support", "1", "--as", "json")
    found = Evaluation.model_validate_json(valex(str(study.root), *options))
    assert (found.items, found.left_out) == (40, ())
    write_long(tmp_path / "ids.csv", {"": LabelMatrix(tuple(ids), named.labels, named.probabilities, named.dominant)})
    texts = ("--texts", str(study.root), "--script", "template")
    found = Evaluation.model_validate_json(valex(f"ids={tmp_path / 'ids.csv'}", *texts, *options))
    assert (found.items, found.left_out) == (40, ()), "a label file under the ids of the study that the texts are from"
    found = Evaluation.model_validate_json(valex(str(study.root), f"ids={tmp_path / 'ids.csv'}", *options))
    assert found.items == 40


def test_gold_labels_of_a_study_count_without_being_named(valex, tmp_path, gold):
    study, named, _ = own_names(tmp_path, gold, author="zoe")
    with pytest.raises(InputError, match=r"no gold labels.*valex import labels"):
        valex(str(study.root))
    import_labels([tmp_path / "own.csv"], study.root, annotator="anna")
    options = ("--resamples", "0", "--min-support", "1", "--as", "json")
    found = Evaluation.model_validate_json(valex(str(study.root), *options))
    assert (found.items, found.groups, found.grouped_by) == (40, 8, "author")
    other = LabelMatrix(named.ids, 1 - named.labels, named.probabilities, named.dominant)
    write_long(tmp_path / "other.csv", {"": other})
    named_one = Evaluation.model_validate_json(
        valex(str(study.root), "--labels", str(tmp_path / "other.csv"), *options)
    )
    assert named_one.support != found.support
    assert "Agreement of routes: gold labels, template.encoder" in valex(str(study.root), "--agreement")


def test_gold_labels_of_a_study_that_do_not_count_are_named(valex, tmp_path, gold):
    study, *_ = own_names(tmp_path, gold)
    import_labels([tmp_path / "own.csv"], study.root, annotator="anna")
    model_directory(tmp_path / "model", gold)
    (notice,) = gold_notices(prepare([read_source(str(tmp_path / "model")), read_source(str(study.root))]))
    assert notice == f"gold labels are those of the model; not used: {study.root / 'gold' / 'anna.csv'}"


def gold_notices(prepared):
    return [notice for notice in prepared.notices if notice.startswith("gold labels")]


def test_annotators_alone(valex):
    text = valex("--agreement", "--labels", "two.csv", "--resamples", "10", width=80)
    assert "Agreement of annotators: ann, ben" in text
    assert max(map(len, text.splitlines())) <= 80


def test_routes_alone(valex):
    text = valex("--agreement", "fair.csv", "a=gold.csv")
    assert text.startswith("Agreement of routes: fair, a")
    with pytest.raises(InputError, match="no two sources"):
        valex("--agreement", "fair.csv")


def test_one_annotator(valex, paper):
    text = valex("good.csv", "--labels", "two.csv", "--annotator", "ann", "--resamples", "0", folder=paper)
    assert "0.341" in text


def test_nothing_to_evaluate_and_no_gold_labels(valex):
    with pytest.raises(InputError, match="nothing to evaluate"):
        valex()
    with pytest.raises(InputError, match=r"no gold labels.*--labels"):
        valex("good.csv")


def test_the_same_seed_gives_the_same_output(valex):
    options = ("good.csv", "--labels", "gold.csv", "--resamples", "50", "--as", "json")
    assert valex(*options) == valex(*options)
    assert valex(*options) != valex(*options, "--seed", "1")


def test_predictions_are_read_as_they_were_written(valex, gold):
    found = Evaluation.model_validate_json(
        valex("fair.csv", "--labels", "gold.csv", "--resamples", "0", "--as", "json")
    )
    route = noisy(gold, 1.5, 9)
    true, predicted = gold.labels[:, 4, 0] == 1, route.labels[:, 4, 0] == 1
    value = found.routes[0].polarities[0].values[4]
    assert value.precision == pytest.approx((true & predicted).sum() / predicted.sum(), abs=1e-6)
    assert value.average_precision is not None
    assert np.isclose(value.recall, (true & predicted).sum() / true.sum(), atol=1e-6)
