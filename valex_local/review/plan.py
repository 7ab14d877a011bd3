"""Who codes which posts: drawn at random, with a share of posts that all coders code."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from valex_local.errors import ConfigError, InputError
from valex_local.files.atomic import write_whole, writing
from valex_local.inference.samples import read_sample
from valex_local.records import ReviewPlan
from valex_local.study import Study
from valex_local.study.codings import coder_name, codings
from valex_local.study.disk import read_bytes

FILE = "review-plan.json"


def read_plan(study: Study) -> ReviewPlan | None:
    """Return who codes which posts, or None if that was not planned."""
    raw = read_bytes(study.root / FILE)
    return None if raw is None else ReviewPlan.parse(raw, path=study.root / FILE)


def make_plan(
    study: Study, coders: Sequence[str], *, overlap: float = 0.0, seed: int = 0, sample: str | None = None
) -> ReviewPlan:
    """Draw who codes which posts, and store it.

    Everybody gets the posts of the overlap, and the others are dealt out evenly; each coder meets them in an order of
    their own, so that fatigue does not fall on the same posts.

    Parameters
    ----------
    study : Study
        The study.
    coders : sequence of str
        Names of the coders.
    overlap : float
        Share of the posts that all coders code, in [0, 1].
    seed : int
        Seed of the draw.
    sample : str, optional
        Name of a sample of the study, ``samples/<name>.csv``; all posts when left out.

    Returns
    -------
    ReviewPlan
        The plan.

    Raises
    ------
    ConfigError
        A name cannot be used, or is given twice, or there is no coder.
    InputError
        There is no such sample, or there are no posts.
    StudyError
        The study cannot be read or written.
    """
    names = [coder_name(name) for name in coders]
    if not names or len({name.casefold() for name in names}) < len(names):
        raise ConfigError("name each coder once", hint="For example: --coders anna,ben")
    posts = study.post_ids() if sample is None else [one.post for one in read_sample(study, sample)]
    if not posts:
        raise InputError("there are no posts to code", path=study.root, hint="Add some with: valex run VIDEOS -s STUDY")
    draw = random.Random(seed)
    shuffled = draw.sample(posts, len(posts))
    common = round(overlap * len(shuffled))
    shares = {name: [*shuffled[:common], *shuffled[common:][at :: len(names)]] for at, name in enumerate(names)}
    for share in shares.values():
        draw.shuffle(share)
    plan = ReviewPlan(
        coders={name: tuple(share) for name, share in shares.items()}, overlap=overlap, seed=seed, sample=sample
    )
    with writing(study.root):
        write_whole(study.root / FILE, plan.to_json().encode())
    return plan


@dataclass(frozen=True)
class Progress:
    """How far a coder is: posts that are planned, finished and begun."""

    coder: str
    posts: int
    done: int
    begun: int


def assigned(study: Study, coder: str) -> tuple[str, ...]:
    """Return the posts of a coder in their order: as planned, else all.

    Parameters
    ----------
    study : Study
        The study.
    coder : str
        The coder.

    Returns
    -------
    tuple of str
        Ids of the posts; those that were excluded since are left out.

    Raises
    ------
    InputError
        There is a plan, and the coder is not in it.
    """
    plan, there = read_plan(study), study.post_ids()
    if plan is None:
        return tuple(there)
    if coder not in plan.coders:
        raise InputError(
            f"{coder} is not in the plan of this review, which names {', '.join(plan.coders)}",
            path=study.root / FILE,
            hint="Use one of these names, or plan again with: valex review plan",
        )
    known = set(there)
    return tuple(post_id for post_id in plan.coders[coder] if post_id in known)


def progress(study: Study) -> list[Progress]:
    """Return how far all coders are: those of the plan, and others who coded posts."""
    plan = read_plan(study)
    planned = dict(plan.coders) if plan is not None else {}
    known = study.post_ids()
    coders = {name for post_id in known for name in study.coders(post_id)}
    found = []
    for coder in [*planned, *sorted(coders - planned.keys())]:
        records = [record for _, record in codings(study, coder)]
        done = sum(record.done for record in records)
        total = len(set(planned[coder]) & set(known)) if coder in planned else len(records)
        found.append(Progress(coder, total, done, len(records) - done))
    return found
