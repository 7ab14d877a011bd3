"""The executor on this machine: it loads a step's model once and passes every due post through it in batches.

The model stays loaded until a step needs another one, so that steps with the same engine, such as the labels of two
scripts, load it once.

Threads prepare a bounded number of inputs ahead while the model works. Posts with equal inputs (the same bytes under
two ids) are computed once and copied. A post that cannot be done is recorded as a failure; the others continue. If
memory runs out, batches are halved.
"""

from __future__ import annotations

import os
import re
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valex_local.errors import InputError, StudyError, ValexError
from valex_local.pipeline.executor import Job
from valex_local.pipeline.plan import Step
from valex_local.pipeline.progress import Progress
from valex_local.pipeline.run_log import RunLog
from valex_local.records import Failure, Record, SourceFile
from valex_local.settings import Settings
from valex_local.stages.base import Item, Output, Stage
from valex_local.stages.registry import record_type, stems_read
from valex_local.store import StoredModel
from valex_local.study import Study
from valex_local.system.devices import Device, PeakMemory, return_memory

_NO_MEMORY = re.compile(r"out of memory|allocate memory|bad_alloc|ALLOC_FAILED|insufficient memory", re.IGNORECASE)
"""How torch, CTranslate2, ONNX Runtime and llama.cpp report that memory ran out; they share no exception type."""


@dataclass
class _Prepared:
    job: Job
    item: Item
    ready: Future[Any]


class _Calls:
    """Calls a stage with as many inputs as fit into memory.

    Parameters
    ----------
    stage : Stage
        The stage to call.
    on_halved : callable
        Called with the old and the new size when memory ran out.

    Attributes
    ----------
    size : int
        Maximum number of inputs of a call: the stage's batch size, or less once memory ran out.
    calls, items : int
        Number of successful calls, and of their inputs.
    """

    def __init__(self, stage: Stage, on_halved: Callable[[int, int], None]) -> None:
        self._stage = stage
        self._on_halved = on_halved
        self.size = stage.batch_size
        self.calls = self.items = 0

    @property
    def fill(self) -> float | None:
        """Mean size of a call as a fraction of the stage's batch size; None if there was no call."""
        return round(self.items / (self.calls * self._stage.batch_size), 3) if self.calls else None

    def __call__(self, inputs: Sequence[Any]) -> list[Output | Exception]:
        """Return the output or the exception of each input, in order."""
        outputs: list[Output | Exception] = []
        while len(outputs) < len(inputs):
            outputs += self._call(inputs[len(outputs) : len(outputs) + self.size])
        return outputs

    def _call(self, inputs: Sequence[Any]) -> list[Output | Exception]:
        """Call the stage; if it raises, call it with each half, so that only the input that broke it fails."""
        try:
            outputs = list(self._stage(inputs))
        except Exception as raised:  # noqa: BLE001 - one bad video must not stop the others
            error = raised
        else:
            self.calls, self.items = self.calls + 1, self.items + len(inputs)
            return [*outputs]
        half = (len(inputs) + 1) // 2
        if _ran_out_of_memory(error):
            _free(error)
            if len(inputs) == 1:
                return [_too_large(error)]
            self._on_halved(len(inputs), half)
            self.size = half
        if len(inputs) == 1:
            return [error]
        return [*self(inputs[:half]), *self(inputs[half:])]


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def _ran_out_of_memory(error: Exception) -> bool:
    return not isinstance(error, ValexError) and bool(isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)))


def _free(error: Exception) -> None:
    """Free what the failed call still holds, and what torch keeps for later."""
    traceback.clear_frames(error.__traceback__)
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_initialized():
        sys.modules["torch"].cuda.empty_cache()


def _preparing(error: Exception) -> Exception:
    """Return the error of an input that could not be prepared, as the user is told it."""
    if not _ran_out_of_memory(error):
        return error
    _free(error)
    return _too_large(error, "Leave it out, or use a machine with more memory and run again with --retry")


def _too_large(
    error: Exception, hint: str = "Use a smaller model, or --device cpu, and run again with --retry"
) -> InputError:
    return InputError("memory ran out on this post alone", hint=hint).with_traceback(error.__traceback__)


class LocalExecutor:
    """An executor that computes steps on this machine; see `Executor`.

    Parameters
    ----------
    study : Study
        Where records are read and written; the caller holds its lock.
    settings : Settings
        All settings.
    models : dict of str to StoredModel
        The models of the run; see `run_models`.
    device : Device
        Where to compute.
    progress : Progress
        Receives the progress of the run.
    checksums : callable
        Returns the SHA-256 of a video, which it may remember.
    """

    def __init__(
        self,
        study: Study,
        settings: Settings,
        models: dict[str, StoredModel],
        device: Device,
        *,
        progress: Progress,
        checksums: Callable[[Path], str],
    ) -> None:
        self._study = study
        self._settings = settings
        self._models = models
        self._device = device
        self._progress = progress
        self._checksums = checksums
        self._log = RunLog(study)
        self._jobs = settings.work.jobs or max(1, min(4, device.threads))
        self._topics_reported: set[str] = set()
        self._loaded: dict[str, Stage] = {}  # by engine; one at most, unless models are to stay in memory

    def close(self) -> None:
        """Free the models that stayed in memory."""
        while self._loaded:
            self._loaded.popitem()[1].close()
        return_memory()

    def execute(self, step: Step, jobs: Sequence[Job]) -> int:
        """Compute a step for every job and return how many records were written.

        Raises
        ------
        StudyError
            Records cannot be written (a full disk).
        """
        leaders: dict[str, Job] = {}
        followers = [job for job in jobs if leaders.setdefault(job.fingerprint, job) is not job]
        if not leaders:
            return 0
        self._progress.step(step.name, len(jobs))
        if not self._settings.work.resident and step.engine not in self._loaded:
            self.close()
        started, cpu = time.perf_counter(), _cpu_seconds()
        done: set[str] = set()
        with PeakMemory() as memory:
            stage = self._stage(step)
            loaded, loaded_cpu = time.perf_counter(), _cpu_seconds()
            calls = _Calls(stage, lambda old, new: self._report_halved(step, old, new))
            # Closed before the stage is, whatever happens: threads may be preparing with its model.
            with closing(self._batches(stage, calls, step, list(leaders.values()))) as batches:
                for batch in batches:
                    done |= self._run_batch(calls, step, batch)
                    self._progress.advance(len(batch))
        copied: set[str] = set()
        for job in followers:
            copied |= self._copy(step, leaders[job.fingerprint], job)
            self._progress.advance()
        self._log.line(
            "execute",
            step=step.name,
            posts=len(jobs),
            written=len(done | copied),
            copied=len(copied),
            batches=calls.calls,
            batch_fill=calls.fill,
            load_seconds=round(loaded - started, 3),
            load_cpu_seconds=round(loaded_cpu - cpu, 3),
            seconds=round(time.perf_counter() - started, 3),
            cpu_seconds=round(_cpu_seconds() - cpu, 3),
            peak_rss=memory.rss,
            peak_vram=memory.vram,
        )
        return len(done | copied)

    def _stage(self, step: Step) -> Stage:
        """Return a step's stage with its model loaded, by this step or an earlier one."""
        if step.engine not in self._loaded:
            self._loaded[step.engine] = self._load(step)
        return self._loaded[step.engine]

    def _load(self, step: Step) -> Stage:
        """Load a step's model; if it does not fit into memory along with the others, free those first."""
        try:
            return step.load(self._settings, self._models, self._device)
        except Exception as error:
            if not self._loaded or not _ran_out_of_memory(error):
                raise
            self.close()
            _free(error)  # last: torch caches what was freed, and other engines need it
        self._log.line("not-resident", step=step.name)
        self._say_once("resident", f"{step.name}: not all models fit into memory; the earlier ones were freed")
        return step.load(self._settings, self._models, self._device)

    def _say_once(self, topic: str, text: str) -> None:
        """Show the user a message, once per topic."""
        if topic not in self._topics_reported:
            self._topics_reported.add(topic)
            self._progress.say(text)

    def _report_halved(self, step: Step, old: int, new: int) -> None:
        """Log that memory ran out, and show the user a message once per step."""
        self._log.line("halved", step=step.name, old=old, new=new)
        self._say_once(step.name, f"{step.name}: memory ran out with {old} posts at once; continuing with {new}")

    def _batches(
        self, stage: Stage, calls: _Calls, step: Step, jobs: Sequence[Job]
    ) -> Generator[list[_Prepared], None, None]:
        """Yield prepared inputs in order, in batches, while threads prepare the next ones.

        At most a batch plus one input per thread are held in memory, whatever the number of posts.
        """
        ahead: deque[_Prepared] = deque()
        waiting = iter(jobs)
        pool = ThreadPoolExecutor(self._jobs, thread_name_prefix=f"prepare-{step.spec.name}")
        try:
            while True:
                while len(ahead) < calls.size + self._jobs and (job := next(waiting, None)) is not None:
                    item = self._item(step, job)
                    ahead.append(_Prepared(job, item, pool.submit(self._prepare, stage, step, item)))
                if not ahead:
                    return
                yield [ahead.popleft() for _ in range(min(calls.size, len(ahead)))]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _prepare(self, stage: Stage, step: Step, item: Item) -> Any:
        """Prepare an item; first check that its files have not changed, or the record would describe others."""
        for file in item.post.files if "video" in step.reads else ():
            self._check(file)
        return stage.prepare(item)

    def _check(self, video: SourceFile) -> None:
        try:
            now = self._checksums(Path(video.path))
        except OSError:
            return  # the stage reports this better, and some stages do not need the video
        if now != video.sha256:
            raise InputError(
                "the video has changed since it was added to the study", hint="Run again and name it or its folder"
            )

    def _item(self, step: Step, job: Job) -> Item:
        records: dict[str, Record] = {}
        optional = stems_read([name for name in step.reads if name.endswith("?")])
        for stem in stems_read(step.reads):
            record = self._study.read(job.post_id, stem, record_type(stem))
            if record is None and stem in optional:
                continue
            if record is None:
                raise StudyError(f"{stem}.json is missing", path=self._study.folder(job.post_id), hint="Run again")
            records[stem] = record
        return Item(self._study.post(job.post_id), self._study.folder(job.post_id), records)

    def _run_batch(self, calls: _Calls, step: Step, batch: Sequence[_Prepared]) -> set[str]:
        """Pass one batch through the model and write the results."""
        inputs: list[Any] = []
        ready: list[_Prepared] = []
        for prepared in batch:
            try:
                inputs.append(prepared.ready.result())
                ready.append(prepared)
            except Exception as error:  # noqa: BLE001 - one bad video must not stop the others
                self._fail(step, prepared.job, _preparing(error))
        return {
            prepared.job.post_id
            for prepared, output in zip(ready, calls(inputs), strict=True)
            if self._store(step, prepared.job, output)
        }

    def _store(self, step: Step, job: Job, output: Output | Exception) -> bool:
        if isinstance(output, Exception):
            self._fail(step, job, output)
            return False
        made = {"fingerprint": job.fingerprint, "made_by": step.made_by(self._models)}
        self._study.write(job.post_id, step.stem, output.record.model_copy(update=made), output.files)
        self._study.clear_failure(job.post_id, step.name)
        return True

    def _copy(self, step: Step, leader: Job, job: Job) -> set[str]:
        """Give a post the result of another post with equal inputs."""
        failure = self._study.failure(leader.post_id, step.name)
        if failure is not None and failure.fingerprint == leader.fingerprint:
            self._study.write_failure(failure.model_copy(update={"post": job.post_id}))
            return set()
        self._study.copy(leader.post_id, job.post_id, step.stem, step.spec.record)
        self._study.clear_failure(job.post_id, step.name)
        return {job.post_id}

    def _fail(self, step: Step, job: Job, error: Exception) -> None:
        if isinstance(error, StudyError):
            raise error
        if isinstance(error, ValexError):
            what, hint = error.what, error.hint
        else:
            what = f"unexpected {type(error).__name__}: {error}"
            hint = "This is a bug in valex_local: please report it with the log of this run"
        self._log.line(
            "failure",
            step=step.name,
            post=job.post_id,
            error=type(error).__name__,
            where=[f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)],
        )
        self._study.write_failure(
            Failure(post=job.post_id, stage=step.name, fingerprint=job.fingerprint, what=what, hint=hint)
        )
