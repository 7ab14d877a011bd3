"""Summarise the grounding records of a study, with one row for each variant of the script.

Only records are read. A record counts as long as the script, the video and the keyframes that it was made from are
unchanged.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from valex_local.corpus.label_matrix import Floats
from valex_local.evaluation.bootstrap import RESAMPLES, draws, estimate
from valex_local.evaluation.figures import Estimate
from valex_local.pipeline.fingerprints import fingerprint
from valex_local.records import GroundedLine, Grounding, Part, Post, Script
from valex_local.rendering.detections import LookedFor
from valex_local.settings import Settings
from valex_local.stages.registry import STAGES, record_type, stems_read
from valex_local.store import Store
from valex_local.study import Study
from valex_local.study.settings import resolve_settings
from valex_local.study.variants import script_rank

LINE_COLUMNS = (
    "post", "script", "scene", "element", "rests_on", "keyframes", "best", "similarity", "z", "percentile",
    "below_chance", "found", "not_found", "text",
)  # fmt: skip
"""Columns of the table of lines."""

_COMPARED = ("numbers", "numbers_differ", "expressions", "expressions_differ")

_SPEC = next(spec for spec in STAGES if spec.name == "grounding")


class VariantFigures(Part):
    """The figures of one variant of the script over all posts that were scored; intervals are over posts.

    Attributes
    ----------
    posts : int
        Number of posts that were scored.
    lines, keyframes : int
        Number of their action lines and keyframes.
    below_chance, without_keyframes : Estimate or None
        Share of the scored action lines that score below chance, and of all that name no keyframe; None without lines.
    mean_percentile : Estimate or None
        Mean percentile of the action lines.
    spoken_of : Estimate or None
        Share of the keyframes that the scripts mention.
    things : int
        Number of things of classes that detectors know which the lines name.
    things_not_found : Estimate or None
        Share of them that no detector found in the line's keyframes.
    numbers, numbers_differ, expressions, expressions_differ : int
        As in `GroundingFigures`.
    skipped : dict of str to int
        Number of posts that were skipped, by reason.
    notices : dict of str to int
        Number of posts with each notice in their records.
    missing : int
        Number of posts whose script has not been scored, or has changed since.
    """

    script: str
    posts: int = 0
    lines: int = 0
    keyframes: int = 0
    below_chance: Estimate | None = None
    without_keyframes: Estimate | None = None
    mean_percentile: Estimate | None = None
    spoken_of: Estimate | None = None
    things: int = 0
    things_not_found: Estimate | None = None
    numbers: int = 0
    numbers_differ: int = 0
    expressions: int = 0
    expressions_differ: int = 0
    skipped: dict[str, int] = Field(default_factory=dict)
    notices: dict[str, int] = Field(default_factory=dict)
    missing: int = 0


class VisualCheck(Part):
    """How well the action lines of a study's scripts match the keyframes.

    `below_chance` and `spoken_of` are the thresholds in the study's settings; `hints` say how to score the scripts that
    have not been scored.
    """

    study: str
    below_chance: float
    spoken_of: float
    resamples: int = RESAMPLES
    variants: tuple[VariantFigures, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Found:
    """A script of a post, and its grounding if that is current."""

    post_id: str
    script: str
    grounding: Grounding | None


def check_visual(study: Study, *, resamples: int = RESAMPLES, seed: int = 0) -> VisualCheck:
    """Return the figures of every variant of the script, starting with those that a run writes.

    Parameters
    ----------
    study : Study
        The study.
    resamples, seed : int
        Number of resamples and seed of the bootstrap over posts.

    Returns
    -------
    VisualCheck
        The figures by variant, with the thresholds in force.
    """
    found = list(_scripts(study))
    names = sorted({one.script for one in found}, key=script_rank)
    variants = tuple(_figures(name, [o for o in found if o.script == name], resamples, seed) for name in names)
    missing = [variant.script for variant in variants if variant.missing]
    settings = resolve_settings(Store(), study)
    return VisualCheck(
        study=str(study.root),
        below_chance=settings.grounding.below_chance,
        spoken_of=settings.grounding.spoken_of,
        resamples=resamples,
        variants=variants,
        hints=tuple(_hints(study, settings, missing)),
    )


def line_rows(study: Study) -> Iterator[tuple[str | int | float, ...]]:
    """Yield a row of `LINE_COLUMNS` for each action line that was scored."""
    for found in _scripts(study):
        if found.grounding is None:
            continue
        script = study.require(found.post_id, f"script.{found.script}", Script)
        scored = {(line.scene, line.element): line for line in found.grounding.lines}
        named = {(thing.scene, thing.element) for thing in found.grounding.things}
        for place in sorted({*scored, *named}):
            looked_for = LookedFor.of(one for one in found.grounding.things if (one.scene, one.element) == place)
            yield (
                found.post_id, found.script, *place, *_scores(scored.get(place)),
                ", ".join(looked_for.found), ", ".join(looked_for.not_found),
                script.scenes[place[0] - 1].elements[place[1] - 1].text,
            )  # fmt: skip


def _scores(line: GroundedLine | None) -> tuple[str | int | float, ...]:
    """Return the cells of a line by the CLIP model; empty where there is none."""
    if line is None:
        return ("",) * 7
    keyframes = " ".join(line.keyframes)
    return line.rests_on, keyframes, line.best, line.similarity, line.z, line.percentile, int(line.below_chance)


def _scripts(study: Study) -> Iterator[_Found]:
    for post_id in study.post_ids():
        for name in study.script_variants(post_id):
            yield _Found(post_id, name, _current(study, post_id, name))


def _current(study: Study, post_id: str, script: str) -> Grounding | None:
    """Return the grounding of a script if it was made from the records as they are now."""
    record = study.read(post_id, _SPEC.stem.format(variant=script), Grounding)
    if record is None or record.made_by is None:
        return None
    reads = tuple(name.format(script=script) for name in _SPEC.reads)
    post = study.read_raw(post_id, "post", Post)
    inputs = {stem: study.read_raw(post_id, stem, record_type(stem)) for stem in stems_read(reads)}
    if post is None or None in inputs.values():
        return None
    now = fingerprint(record.made_by.model_dump(mode="json"), reads, post, inputs)
    return record if record.fingerprint == now else None


def _figures(script: str, found: Sequence[_Found], resamples: int, seed: int) -> VariantFigures:
    records = [one.grounding for one in found if one.grounding is not None]
    scored = [record for record in records if record.skipped is None]
    counts = np.array([_counts(record) for record in scored], dtype=np.float64).reshape(-1, 9)
    lines, scored_lines, below, nameless, percentiles, keyframes, spoken, things, lacking = counts.T

    def ratio(above: Floats, all_of_them: Floats) -> Estimate | None:
        return _ratio(above, all_of_them, resamples, seed)

    return VariantFigures(
        script=script,
        posts=len(scored),
        lines=int(lines.sum()),
        keyframes=int(keyframes.sum()),
        below_chance=ratio(below, scored_lines),
        without_keyframes=ratio(nameless, lines),
        mean_percentile=ratio(percentiles, scored_lines),
        spoken_of=ratio(spoken, keyframes),
        things=int(things.sum()),
        things_not_found=ratio(lacking, things),
        **{name: sum(getattr(record.figures, name) for record in scored) for name in _COMPARED},
        skipped=dict(Counter(record.skipped for record in records if record.skipped is not None)),
        notices=dict(Counter(notice.text for record in scored for notice in record.notices)),
        missing=len(found) - len(records),
    )


def _counts(record: Grounding) -> tuple[float, ...]:
    own = record.figures
    percentiles = sum(line.percentile for line in record.lines)
    return (
        own.lines, len(record.lines), own.below_chance, own.without_keyframes, percentiles,
        own.keyframes, own.spoken_of, own.things, own.things_not_found,
    )  # fmt: skip


def _ratio(above: Floats, below: Floats, resamples: int, seed: int) -> Estimate | None:
    """Return a ratio of sums over posts with its interval; None if the denominator is 0.

    A single post is not resampled.
    """
    if not below.sum():
        return None
    drawn = np.empty(0)
    if len(below) > 1:
        sums = [np.stack([weights @ above, weights @ below]) for weights in draws(len(below), resamples, seed)]
        over, under = np.concatenate(sums, axis=1) if sums else np.empty((2, 0))
        drawn = over[under > 0] / under[under > 0]
    return estimate(float(above.sum() / below.sum()), drawn)


def _hints(study: Study, settings: Settings, missing: Sequence[str]) -> Iterator[str]:
    """Yield the command that scores the scripts not scored yet; it names those that the settings do not include."""
    if not missing:
        return
    command = f"valex run -s {shlex.quote(str(study.root))}"
    known = settings.labels.scripts
    unnamed = [name for name in missing if name not in (*settings.script.variants, *known)]
    if unnamed:
        command += f" --set {shlex.quote(f'labels.scripts={json.dumps([*known, *unnamed])}')}"
    yield f"not all scripts are scored; score them with: {command}"
