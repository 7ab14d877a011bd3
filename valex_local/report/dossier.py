"""A dossier for data-protection officers and ethics boards: what is processed, why and how, and what shows it.

What the study, its records, logs and models say is filled in. What only people know is read from ``[governance]`` in
study.toml, and is a marked blank where it is not stated there. No post is named.
"""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic_core import from_json

from valex_local.files.tables import read_table
from valex_local.files.text import counted
from valex_local.records import Captions, MadeBy, Media, Record, ScreenText, Transcript
from valex_local.report.gather import PERCEPTION
from valex_local.settings import Governance
from valex_local.store import Store
from valex_local.study import Study
from valex_local.study.custody import Entry, entries
from valex_local.study.disk import read_bytes
from valex_local.study.retention import due_posts, governance, today

GUARD = "guard"
"""The event of a log that says which layers of the network guard held."""


@dataclass(frozen=True)
class Answer:
    """A question of a form and its answer; None is a blank, to be filled in by a setting of ``[governance]``."""

    question: str
    text: str | None
    setting: str = ""


@dataclass(frozen=True)
class Grid:
    """A table: its heading, columns and rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Chapter:
    """A chapter: its answers, then its tables."""

    title: str
    about: str
    answers: tuple[Answer, ...] = ()
    grids: tuple[Grid, ...] = ()


@dataclass(frozen=True)
class Dossier:
    """All chapters, and what metadata say of the study.

    Attributes
    ----------
    name, made : str
        Name of the study, and the day.
    chapters : tuple of Chapter
        The chapters.
    rules : Governance
        What people stated.
    posts : int
        Number of posts, excluded ones included.
    models : tuple of (str, str, str)
        Id, licence and SHA-256 of each model that was used.
    """

    name: str
    made: str
    chapters: tuple[Chapter, ...]
    rules: Governance
    posts: int
    models: tuple[tuple[str, str, str], ...]

    @property
    def blanks(self) -> int:
        """Return the number of blanks."""
        return sum(answer.text is None for chapter in self.chapters for answer in chapter.answers)


def describe_processing(study: Study, store: Store) -> Dossier:
    """Return the dossier of a study.

    Parameters
    ----------
    study : Study
        The study.
    store : Store
        The model store, for licences.

    Returns
    -------
    Dossier
        The dossier.

    Raises
    ------
    ConfigError
        A setting is unknown or out of range.
    StudyError
        The study cannot be read, or its log of custody was changed.
    """
    facts, rules, log = _Facts.of(study), governance(study), entries(study)
    models = _models(facts.models, store)
    chapters = (
        _record(facts, rules, study),
        _assessment(facts, rules),
        _offline(study),
        Chapter("Models", "Read from the records of the study. Weights are checked against these sums before each use.",
                grids=(Grid("Models that were used", ("Model", "Licence", "SHA-256"),
                            models),)),
        _people(facts, study),
        _erasures(study, rules, log),
        _custody(log),
    )  # fmt: skip
    return Dossier(study.root.resolve().name, today().isoformat(), chapters, rules, facts.posts, models)


@dataclass(frozen=True)
class _Facts:
    """What the records of a study say."""

    posts: int
    authors: int
    holds: Counter[str]
    models: frozenset[str]
    coders: Counter[str]
    correctors: Counter[str]

    @classmethod
    def of(cls, study: Study) -> _Facts:
        authors, models = set[str](), set[str]()
        holds, coders, correctors = Counter[str](), Counter[str](), Counter[str]()
        ids = study.post_ids(excluded=True)
        for post_id in ids:
            text = study.post(post_id).text
            authors |= {text.author.casefold()} if text.author else set()
            holds["text published with the video"] += bool(text.caption or text.hashtags)
            coders.update(study.coders(post_id))
            if (edits := study.edits(post_id)) is not None:
                correctors.update({one.by for one in edits.corrections} | {one.by for one in edits.speakers})
            for stem, made in _records(study, post_id, holds):
                models.update(made.models.values())
                holds["scripts"] += stem.startswith("script.")
                holds["labels of values"] += stem.startswith("labels.")
        return cls(len(ids), len(authors), holds, frozenset(models), coders, correctors)


def _records(study: Study, post_id: str, holds: Counter[str]) -> Iterator[tuple[str, MadeBy]]:
    """Yield what made each record of a post, and count what the records hold."""
    media = study.read(post_id, "media", Media)
    if media is not None:
        holds["extracted sound"] += study.has_side_files(post_id, media, "audio") and media.audio is not None
        holds["still pictures"] += bool(media.keyframes) and study.has_side_files(post_id, media, "keyframes")
    transcript = study.read(post_id, "transcript", Transcript)
    holds["transcripts of speech"] += transcript is not None and bool(transcript.segments)
    screen = study.read(post_id, "text", ScreenText)
    holds["on-screen text"] += screen is not None and bool(screen.tracks)
    captions = study.read(post_id, "captions", Captions)
    holds["found faces (where, not whose)"] += any(one.faces for one in (captions.keyframes if captions else ()))
    of_scripts = (f"{kind}.{name}" for name in study.script_variants(post_id) for kind in ("script", "grounding"))
    for stem in (*PERCEPTION, *of_scripts, *(key.stem for key in study.label_keys(post_id))):
        record = study.read_raw(post_id, stem, PERCEPTION.get(stem, Record), as_found=True)
        if record is not None and record.get("made_by") is not None and not record.get("skipped"):
            yield stem, MadeBy.model_validate(record["made_by"])


def _models(used: Iterable[str], store: Store) -> tuple[tuple[str, str, str], ...]:
    """Return the id, the licence and the checksum of each model that was used, given as ``id@sha256``."""
    known = store.manifests()
    found = []
    for name, _, digest in (model.partition("@") for model in sorted(used)):
        licence = known[name].licence or "not stated" if name in known else "unknown: not in this store"
        found.append((name, licence, digest))
    return tuple(found)


def _stated(question: str, rules: Governance, setting: str) -> Answer:
    return Answer(question, getattr(rules, setting) or None, f"governance.{setting}")


def _record(facts: _Facts, rules: Governance, study: Study) -> Chapter:
    """Return the record of processing activities."""
    data = [f"{what} ({counted(count, 'record' if what in _SEVERAL else 'post')})"
            for what, count in facts.holds.items() if count]  # fmt: skip
    known = f"In the study: authors of {counted(facts.posts, 'post')} ({counted(facts.authors, 'user name')}), and \
whoever is seen, heard or named in the videos."
    return Chapter(
        "Record of processing activities",
        "Article 30 of the General Data Protection Regulation.",
        (
            _stated("Controller", rules, "controller"),
            _stated("Data protection officer", rules, "officer"),
            _stated("Purposes", rules, "purpose"),
            _stated("Legal basis", rules, "legal_basis"),
            Answer("Categories of persons", f"{known} {rules.persons}".strip()),
            Answer("Categories of data", "; ".join(data) or "none yet"),
            _stated("Recipients", rules, "recipients"),
            Answer("Transfers to third countries", rules.transfers or "None by the program: it sends nothing. What \
people pass on is in the log of custody below.", "governance.transfers"),
            Answer("Envisaged time limits for erasure", _limits(rules), "governance.retain_until"),
            Answer("Security measures", _measures(study, rules)),
        ),
    )  # fmt: skip


_SEVERAL = {"scripts", "labels of values"}


def _limits(rules: Governance) -> str | None:
    limits = [f"all posts: {rules.retain_until}"] if rules.retain_until else []
    for rule in rules.retention:
        until = rule.until or f"{rule.days} days from {rule.collected}"
        limits.append(f"{rule.source}: {until}")
    return "; ".join(limits) or None


def _measures(study: Study, rules: Governance) -> str:
    wide = sum(bool(stat.S_IMODE(path.lstat().st_mode) & 0o077) for path in study.root.rglob("*")
               if not path.is_symlink())  # fmt: skip
    modes = f"{wide or 'None'} of the files and folders of the study can be read by other users of the machine."
    own = f" {rules.measures}" if rules.measures else ""
    means = "The program works on one machine and refuses every connection (what held in each run: chapter 3)."
    return f"{means} {modes}{own}"


def _assessment(facts: _Facts, rules: Governance) -> Chapter:
    """Return the annex for a data protection impact assessment."""
    steps = "Sound, shots and still pictures are taken from each video; speech and on-screen text are recognised; \
pictures are described by tags and detected objects; a script is written from this; models say which of 19 values a \
script shows."
    found = facts.holds["found faces (where, not whose)"]
    faces = f"faces, which detectors found in {counted(found, 'post')}," if found else "faces (no detector found any)"
    risks = f"Published posts can be found again by their words. Voices and {faces} \
identify people; the program recognises nobody. Values may tell of beliefs (Article 9), and are a model's estimate, \
which may be wrong about a person."
    means = "No network; pseudonyms in what is passed on (--pseudonyms); erasure of single posts with all that was \
made of them; time limits with warnings; states marked as not validated until they are; a log of custody."
    return Chapter(
        "Annex for a data protection impact assessment",
        "Article 35. The first and the last two answers are the program's; the others are yours.",
        (
            Answer("Systematic description", steps),
            _stated("Necessity and proportionality", rules, "necessity"),
            _stated("Ethics vote", rules, "ethics"),
            _stated("Information of persons and their rights", rules, "rights"),
            Answer("Risks that follow from the data", f"{risks} {rules.risks}".strip()),
            Answer("Measures in the program", means),
        ),
    )


def _offline(study: Study) -> Chapter:
    """Return which layers of the network guard held in each run, by its logs."""
    runs = []
    for path in sorted((study.root / "logs").glob("*.jsonl")):
        lines = [_line(raw) for raw in (read_bytes(path) or b"").splitlines()]
        held = next(
            (str(line.get("layers")) for line in lines if line.get("event") == GUARD),
            "not recorded, as in all runs before layers were logged",
        )
        steps = dict.fromkeys(str(line["step"]) for line in lines if line.get("step"))
        runs.append((_when(path.stem), ", ".join(steps), held))
    about = "By the logs of the runs that did any work. A log can be edited by whoever may write to the study."
    grid = Grid("Runs", ("Run", "Steps", "Layers of the network guard that held"), tuple(runs))
    return Chapter("Evidence that nothing was sent", about, grids=(grid,))


def _when(stamp: str) -> str:
    """Return the time in the name of a log, as people write it; the name itself if it has none."""
    try:
        return f"{datetime.strptime(stamp, '%Y%m%dT%H%M%S.%f%z'):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return stamp


def _line(raw: bytes) -> Mapping[str, object]:
    try:
        line = from_json(raw)
    except ValueError:  # an incomplete line of a killed run
        return {}
    return line if isinstance(line, dict) else {}


def _people(facts: _Facts, study: Study) -> Chapter:
    gold = {path.stem: len(read_table(path).rows) for path in sorted((study.root / "gold").glob("*.csv"))}
    names = sorted({*facts.coders, *facts.correctors, *gold})
    rows = tuple((name, str(facts.coders[name]), str(gold.get(name, 0)), str(facts.correctors[name])) for name in names)
    columns = ("Name", "Posts coded", "Posts with gold labels", "Posts corrected")
    return Chapter(
        "People who coded", "As they named themselves.", grids=(Grid("Coders and annotators", columns, rows),)
    )


def _erasures(study: Study, rules: Governance, log: Sequence[Entry]) -> Chapter:
    left_out, erased = study.left_out(), [entry for entry in log if entry.event == "erasure"]
    due = len(due_posts(study))
    answers = (
        Answer("Time limits", _limits(rules), "governance.retain_until"),
        Answer("Posts that are due to be erased", str(due) if due else "none"),
        Answer("Posts erased", str(sum(int(entry.details.get("posts", 0)) for entry in erased))),
        Answer("Posts left out with a reason", str(len(left_out.excluded))),
    )
    rows = tuple((entry.at, entry.by, str(entry.details.get("posts", "")), str(entry.details.get("why", "")))
                 for entry in erased)  # fmt: skip
    grid = Grid("Erasures", ("When", "By whom", "Posts", "Why"), rows)
    return Chapter("Retention and erasure", "Erased posts are not named.", answers, (grid,))


def _custody(log: Sequence[Entry]) -> Chapter:
    rows = tuple(
        (str(entry.number), entry.at, entry.by, entry.event, ", ".join(f"{k} {v}" for k, v in entry.details.items()))
        for entry in log
    )
    seal = log[-1].seal if log else "the log is empty"
    answers = (Answer("Seal", f"{seal} (the chain of {counted(len(log), 'line')} was checked and is unbroken)"),)
    about = "Every line holds a checksum of the one before. To check again: valex custody."
    columns = ("No.", "When", "By whom", "What", "Details")
    return Chapter("Custody", about, answers, (Grid("What came in and went out", columns, rows),))


def default_folder(study: Study) -> Path:
    """Return where the dossier of a study goes, unless another place is named."""
    return study.root / "exports" / "dossier"
