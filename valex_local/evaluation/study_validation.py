"""The gold labels of a study's posts, and the validation of its states by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.match import AUTHOR, NO_GROUP
from valex_local.corpus.post_finder import PostFinder
from valex_local.corpus.sheets import gold_of, read_sheet
from valex_local.corpus.study_labels import gold_files
from valex_local.errors import InputError
from valex_local.evaluation.posts import choose_groups, known_groups, renamed
from valex_local.evaluation.validate import Validation, validate
from valex_local.files.text import counted
from valex_local.pipeline.states import label_set
from valex_local.records import Calibration, Labels
from valex_local.states import choose, draw, is_answer
from valex_local.study import Study
from valex_local.study.variants import LabelKey


@dataclass(frozen=True, eq=False)
class StudyGold:
    """Gold labels under the ids of a study's posts.

    Attributes
    ----------
    labels : LabelMatrix
        The gold labels of posts of the study.
    grouped_by : str or None
        What posts are grouped by; None if each is on its own.
    groups : mapping of str to str
        The group of each post that has one.
    notices : tuple of str
        What was left out of the files, for readers.
    """

    labels: LabelMatrix
    grouped_by: str | None
    groups: Mapping[str, str]
    notices: tuple[str, ...]


def read_study_gold(
    study: Study, paths: Sequence[Path] = (), *, annotator: str | None = None, group: str | None = None
) -> StudyGold:
    """Return the gold labels of a study's posts.

    Parameters
    ----------
    study : Study
        The study.
    paths : sequence of Path
        Label sheets; if empty, those that were imported into the study.
    annotator : str, optional
        The one annotator who counts; when left out, the majority.
    group : str, optional
        What posts are grouped by: ``author``, a column of the sheets, or ``none``. When left out, the author if any is
        known.

    Returns
    -------
    StudyGold
        The gold labels.

    Raises
    ------
    InputError
        There are no gold labels, a sheet cannot be understood, none of its posts is in the study, or the posts have no
        such group.
    """
    files = list(paths) or gold_files(study)
    if not files:
        raise InputError(
            "this study has no gold labels",
            path=study.root,
            hint="Name a label sheet, or import one: valex import labels; without gold labels, choose --relative, "
            "--cautious or --own-domain",
        )
    sheets = [read_sheet(path) for path in files]
    gold = gold_of(sheets, annotator)
    posts = {post_id: study.post(post_id) for post_id in study.post_ids()}
    finder = PostFinder(posts.values())
    matches = {name: finder.find([name]) for name in gold.ids}
    of_post = {name: found[0] for name, found in matches.items() if len(found) == 1}
    if not of_post:
        raise InputError(
            f"none of the {counted(len(gold), 'post')} with gold labels is in the study ({', '.join(gold.ids[:3])})",
            path=study.root,
            hint="Name posts by TikTok URL, by user_number, or by the ids of the study",
        )
    labels = renamed(gold.of(list(of_post)), of_post)
    known = known_groups((sheet.groups for sheet in sheets), of_post, (posts[post] for post in labels.ids))
    wanted = group or (AUTHOR if AUTHOR in known else NO_GROUP)
    grouped_by, groups = choose_groups(known, labels.ids, wanted=wanted, what="posts")
    notices = [f"{sheet.path.name}: {notice}" for sheet in sheets for notice in sheet.notices]
    for why, left_out in (
        ("not in the study", [name for name, found in matches.items() if not found]),
        ("several posts of the study match", [name for name, found in matches.items() if len(found) > 1]),
    ):
        if left_out:
            notices.append(f"{counted(len(left_out), 'post')} with gold labels left out: {why} ({left_out[0]})")
    return StudyGold(labels, grouped_by, groups or {}, tuple(notices))


def validate_study(study: Study, key: LabelKey, gold: StudyGold, *, drawn: date, seed: int = 0) -> Validation:
    """Return cut-offs fitted to gold labels for a set of labels; the study is not changed.

    States are compared with those that need no gold labels: the ones in force, or, if those are validated already,
    the ones that the study would have without.

    Parameters
    ----------
    study : Study
        The study.
    key : LabelKey
        The set of labels.
    gold : StudyGold
        Gold labels.
    drawn : date
        The day.
    seed : int
        Seed of the folds and of the intervals.

    Returns
    -------
    Validation
        The calibration, and what is known about it.

    Raises
    ------
    InputError
        There are no such labels, they have no probabilities, or there are too few gold labels.
    """
    labels = label_set(study, key)
    if not labels:
        raise InputError(f"no post has labels {key}", path=study.root, hint="Make them with: valex label -s STUDY")
    scored = {post_id: record for post_id, record in labels.items() if not _without_probabilities(record)}
    if not scored:
        raise InputError(
            f"the answers of {key} have no probabilities, so there is nothing to calibrate",
            path=study.root,
            hint="valex evaluate says how good they are; label with an engine that reports probabilities (llama.cpp)",
        )
    found = validate(
        scored,
        gold.labels,
        _without_gold(study.calibration(key), labels, drawn),
        drawn=drawn,
        groups=None if gold.grouped_by is None else gold.groups,
        grouped_by=gold.grouped_by or "post",
        seed=seed,
    )
    silent = len(set(gold.labels.ids) & labels.keys() - scored.keys())
    if silent:
        found = found.noted("gold-not-used", f"{counted(silent, 'post')} left out: answers without probabilities")
    return found


def _without_gold(in_force: Calibration | None, labels: Mapping[str, Labels], drawn: date) -> Calibration:
    """Return what draws the states without gold labels: the calibration in force, unless it is validated itself."""
    first = next(iter(labels.values()))
    shown = draw(first, in_force).calibration
    if shown is None or shown.kind == "validated":
        return choose(labels, None, drawn=drawn)
    return shown


def _without_probabilities(labels: Labels) -> bool:
    return is_answer(labels) and any(notice.code == "no-probabilities" for notice in labels.notices)
