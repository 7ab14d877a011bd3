"""The main job: take posts into a study, compute every step that is due, summarise."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from valex_local.errors import ConfigError, InputError, StudyError, printable
from valex_local.pipeline.executor import Executor, Job
from valex_local.pipeline.local_executor import LocalExecutor
from valex_local.pipeline.plan import Step, plan
from valex_local.pipeline.progress import NullProgress, Progress
from valex_local.pipeline.selection import Selection
from valex_local.pipeline.status import StatusChecker, StepState, StepStatus
from valex_local.pipeline.summary import StepCount, Summary
from valex_local.posts import discover
from valex_local.posts.discover import STAGE as INTAKE
from valex_local.posts.text import merge as merge_texts
from valex_local.records import Failure, Media, Post
from valex_local.settings import Settings
from valex_local.stages.setting_files import absolute_paths
from valex_local.store import Store, StoredModel
from valex_local.store.model import refuse_hidden
from valex_local.study import Study
from valex_local.study.settings import given_settings, resolve_settings
from valex_local.system import devices, network_guard

NOT_REMEMBERED = {"jobs", "device", "chunk", "resident"}


def run(
    paths: Iterable[Path | str] | Path | str = (),
    out: Path | str = "study",
    *,
    options: Mapping[str, Any] | None = None,
    config: Path | str | None = None,
    meta: Path | str | None = None,
    selection: Selection | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Do everything that is due in a study.

    Parameters
    ----------
    paths : Path or iterable of Path
        Videos, and folders of videos, to take into the study; none to go on with those it holds.
    out : Path
        The study folder; made when there is none.
    options : mapping, optional
        Settings as nested plain data, as in study.toml: ``{"profile": "demo", "speech": {"language": "de"}}``.
    config : Path, optional
        A TOML file of settings; `options` win over it, both over what the study remembers.
    meta : Path, optional
        A table of post texts (CSV, TSV, NDJSON).
    selection : Selection, optional
        Which part is wanted; everything when left out.
    store : Store, optional
        The model store; the user's when left out.
    progress : Progress, optional
        Hears how it goes on.

    Returns
    -------
    Summary
        Failures of single posts are in it and do not raise.

    Raises
    ------
    ValexError
        The run as a whole cannot be done: a wrong setting, missing weights, a locked study, a full disk.
    """
    selection, store = selection or Selection(), store or Store()
    videos = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    if meta is not None and not videos:
        raise ConfigError("a table tells of videos, and none are named", path=meta, hint="Name them or their folders")
    table = None if meta is None else Path(meta)
    with network_guard.guarded():
        started = time.perf_counter()
        if selection.dry:
            return _dry(videos, table, Path(out), lambda s: _Run(s, selection, store, _given(s, options, config)))
        study = Study(out, create=True)
        with study.lock(selection.shard):
            job = _Run(study, selection, store, _given(study, options, config), progress)
            job.refuse_outdated()
            job.refuse_hidden()
            job.remember()
            job.take_in(videos, table)
            job.execute_all()
            summary = job.summary()
        summary.seconds = time.perf_counter() - started
        return summary


def examine(study: Study, store: Store | None = None, selection: Selection | None = None) -> Summary:
    """Say how a study stands, without doing anything."""
    return _Run(study, selection or Selection(), store or Store(), study.options()).summary()


def _dry(paths: Sequence[Path], meta: Path | None, out: Path, make: Callable[[Study], _Run]) -> Summary:
    """Say what a run would do; write nothing into the study."""
    with TemporaryDirectory() as nowhere:
        job = make(Study(out) if (out / "study.toml").is_file() else Study(nowhere, create=True))
        job.look_at(paths, meta)
        summary = job.summary()
    summary.study = str(out)
    return summary


def _given(study: Study, options: Mapping[str, Any] | None, config: Path | str | None) -> dict[str, Any]:
    """Return the settings given, to be remembered by the study: it may be continued from another folder."""
    return absolute_paths(given_settings(study, options, config))


class _Run:
    """One run in one study, whose lock the caller holds."""

    def __init__(
        self,
        study: Study,
        selection: Selection,
        store: Store,
        given: Mapping[str, Any],
        progress: Progress | None = None,
    ) -> None:
        self._study = study
        self._selection = selection
        self._given = given
        self._progress = progress or NullProgress()
        self.settings = resolve_settings(store, options=given)
        self._plan = plan(self.settings)
        self._steps = selection.steps(self.settings)
        self._models = _models(store, self.settings, self._plan if selection.whole else self._steps)
        self._examiner = StatusChecker(study, self._steps, self._models)
        self._standing: dict[str, dict[str, StepStatus]] = {}
        self._written: Counter[str] = Counter()
        self._unmatched: list[str] = []
        self._intake: list[Failure] | None = None  # until something is looked at: those the study holds
        self._sums = study.sums(selection.shard)
        self._device = devices.detect(self.settings.work.device)

    # --- before -----------------------------------------------------------------------------------------------------

    def refuse_hidden(self) -> None:
        """Stop before hours of work whose last step could not reach its model."""
        for model in self._models.values():
            refuse_hidden(model)

    def refuse_outdated(self) -> None:
        """Stop before options make finished work outdated, unless that was asked for."""
        if self._selection.redo:
            return
        reasons: Counter[str] = Counter()
        posts = set()
        for post_id, verdicts in self._stand().items():
            for verdict in verdicts.values():
                if verdict.state is StepState.OUTDATED:
                    posts.add(post_id)
                    reasons.update(verdict.differences)
        if posts:
            named = "; ".join(reason for reason, _ in reasons.most_common(8))
            raise StudyError(
                f"finished work of {len(posts)} posts would become outdated: {named}",
                path=self._study.root,
                hint="Add --redo to make it again, or leave the settings as they were",
            )

    def remember(self) -> None:
        """Write the settings given into the study; how to work is not remembered."""
        given = dict(self._given)
        work = {k: v for k, v in given.pop("work", {}).items() if k not in NOT_REMEMBERED}
        kept = {**given, "work": work} if work else given
        if kept != self._study.options():
            self._study.save_options(kept)

    def take_in(self, paths: Sequence[Path], meta: Path | None) -> None:
        """Take the posts found at `paths` into the study."""
        if not paths:
            if not self._study.post_ids():
                raise InputError("the study holds no posts yet", path=self._study.root, hint="Name videos or folders")
            return
        found = discover(paths, meta=meta, sums=self._sums)
        self._sums.save()
        for failure in self._study.failures():
            if failure.stage == INTAKE and self._selection.holds(failure.post):
                self._study.clear_failure(failure.post, INTAKE)
        for failure in found.failures:
            if self._selection.holds(failure.post):
                self._study.write_failure(failure)
        for post in found.posts:
            if self._selection.holds(post.id):
                self._take(post)
        self._unmatched = list(found.unmatched)
        if not self._study.post_ids() and not found.failures:
            raise InputError("no videos were found", path=paths[0], hint="Name video files or folders that hold some")

    def look_at(self, paths: Sequence[Path], meta: Path | None) -> None:
        """Judge the posts found at `paths` as if they had been taken in."""
        if not paths:
            return
        found = discover(paths, meta=meta, sums=self._sums)
        held = (post for post in found.posts if self._selection.holds(post.id))
        told = (_with_known_text(post, self._study.read(post.id, "post", Post)) for post in held)
        self._standing.update(self._examiner.examine_as(told))
        self._unmatched = list(found.unmatched)
        self._intake = found.failures

    def _take(self, post: Post) -> None:
        """Take in one post, unless the study knows it by another file that is still there."""
        known = self._study.read(post.id, "post", Post)
        post = _with_known_text(post, known)
        if known == post:
            return
        old, new = known.video if known else None, post.video
        if old and new and old.sha256 != new.sha256 and old.path != new.path and Path(old.path).exists():
            what = f"2 different files name this post: [{printable(old.path)}] and [{printable(new.path)}]"
            self._study.write_failure(Failure(post=post.id, stage=INTAKE, what=what, hint="Keep one of them"))
            return
        self._study.write(post.id, "post", post)
        self._standing.pop(post.id, None)

    # --- the work ---------------------------------------------------------------------------------------------------

    def execute_all(self) -> None:
        """Compute every step for the posts that are due, some hundred posts at a time."""
        note = devices.unused_gpu(self._device)
        if note:
            self._progress.say(note)
        devices.set_threads(self._device.threads)
        due = [p for p, verdicts in self._stand().items() if any(map(self._selection.wants, verdicts.values()))]
        executor: Executor = LocalExecutor(
            self._study, self.settings, self._models, self._device, progress=self._progress, sums=self._sums
        )
        with closing(executor):
            for chunk in _chunks(due, self.settings.work.chunk):
                self._standing.update(self._examiner.examine(chunk))  # those before may have taken days
                for step in self._steps:
                    jobs = self._jobs(chunk, step)
                    if self._restore_side_files(executor, step, jobs):
                        jobs = self._jobs(chunk, step)  # without those that could not be restored
                    self._written[step.name] += executor.execute(step, jobs)
                self._standing.update(self._examiner.examine(chunk))
        self._drop_side_files()
        self._sums.save()

    def _jobs(self, chunk: Sequence[str], step: Step) -> list[Job]:
        """Return the posts that a step is to be done for; those that waited for an earlier one are looked at again."""
        waited = [post_id for post_id in chunk if not self._standing[post_id][step.name].settled]
        self._standing.update(self._examiner.examine(waited))
        verdicts = ((post_id, self._standing[post_id][step.name]) for post_id in chunk)
        return [
            Job(post_id, verdict.fingerprint)
            for post_id, verdict in verdicts
            if self._selection.wants(verdict) and verdict.state is not StepState.WAITING
        ]

    def _restore_side_files(self, executor: Executor, step: Step, jobs: Sequence[Job]) -> bool:
        """Make side files again that an earlier run dropped and this step opens; return whether there were any."""
        media = next(s for s in self._plan if s.stem == "media")
        lacking = []
        opened = self._opened(step)
        for job in jobs if opened else ():
            record = self._study.read(job.post_id, "media", Media)
            if record and not all(self._study.has_side_files(job.post_id, record, kind) for kind in opened):
                lacking.append(Job(job.post_id, record.fingerprint))
        executor.execute(media, lacking)
        self._standing.update(self._examiner.examine(job.post_id for job in lacking))
        return bool(lacking)

    def _opened(self, step: Step) -> tuple[str, ...]:
        """Return the side files that a step opens: where no model looks at them it opens none."""
        model = self._models.get("llm")
        blind = step.spec.name == "script" and model is not None and not model.may_see
        idle = bool(step.all_roles) and not any(role in self._models for role in step.all_roles)
        return () if blind or idle else step.side_files

    def _drop_side_files(self) -> None:
        work = self.settings.work
        if not self._selection.whole:
            return
        for post_id in self._stand():
            if not work.keep_keyframes:
                self._study.drop_side_files(post_id, "keyframes")
            if not work.keep_audio:
                self._study.drop_side_files(post_id, "audio")

    def _stand(self) -> dict[str, dict[str, StepStatus]]:
        """Return how every step of every post of the shard stands; posts are examined once, and when they change."""
        new = (p for p in self._study.post_ids() if p not in self._standing and self._selection.holds(p))
        self._standing.update(self._examiner.examine(new))
        return self._standing

    # --- after ------------------------------------------------------------------------------------------------------

    def summary(self) -> Summary:
        """Say how the study stands."""
        standing = self._stand()
        note = devices.unused_gpu(self._device)
        return Summary(
            study=str(self._study.root),
            posts=len(standing),
            steps=[self._count(step.name, [verdicts[step.name] for verdicts in standing.values()])
                   for step in self._steps],
            skipped=_tally((n, v.skipped) for vs in standing.values() for n, v in vs.items() if v.skipped),
            degraded=_tally((n, text) for vs in standing.values() for n, v in vs.items() for text in v.notices),
            failures=[f for f in self._failures() if self._selection.holds(f.post)],
            unmatched=self._unmatched,
            models={role: model.id for role, model in self._models.items()},
            offline=network_guard.current().describe(),
            notes=[note] if note else [],
        )  # fmt: skip

    def _failures(self) -> Iterator[Failure]:
        """Yield what stands between a post and its records now: a failure under other settings says nothing."""
        kept = self._study.failures()
        yield from [f for f in kept if f.stage == INTAKE] if self._intake is None else self._intake
        for failure in kept:
            verdict = self._standing.get(failure.post, {}).get(failure.stage)
            if verdict is not None and verdict.state is StepState.FAILED:
                yield failure

    def _count(self, name: str, verdicts: Sequence[StepStatus]) -> StepCount:
        states = Counter(verdict.state for verdict in verdicts)
        return StepCount(
            step=name,
            written=self._written[name],
            current=states[StepState.CURRENT],
            failed=states[StepState.FAILED],
            blocked=states[StepState.BLOCKED],
            due=states[StepState.MISSING] + states[StepState.STALE] + states[StepState.WAITING],
            outdated=states[StepState.OUTDATED],
        )


def _models(store: Store, settings: Settings, steps: Sequence[Step]) -> dict[str, StoredModel]:
    """Resolve the roles the steps use; those they can do without may be missing."""
    needed = {role for step in steps for role in step.roles}
    optional = {role for step in steps for role in step.optional_roles} - needed
    return store.resolve(settings.profile, settings.models, needed=needed, optional=optional)


def _with_known_text(post: Post, known: Post | None) -> Post:
    """Return the post with what an earlier run was told of it and this one was not: a table need not come twice."""
    return post if known is None else post.model_copy(update={"text": merge_texts([post.text, known.text])})


def _tally(pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    return dict(sorted(Counter(f"{step}: {text}" for step, text in pairs).items()))


def _chunks(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(ids)
    while chunk := list(islice(rest, size)):
        yield chunk
