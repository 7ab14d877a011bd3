"""A methods paragraph for a paper: what was done with which posts, models and settings, and what to cite.

Everything is taken from the records of the study, never from the settings in force, which may have changed since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from valex_local import __version__
from valex_local.files.text import counted
from valex_local.files.toml import read_toml
from valex_local.records import Captions, Labels, MadeBy, Media, Record, ScreenText, Script, Speakers, Transcript
from valex_local.states import kind_of_states
from valex_local.study import LabelKey, Study

REFERENCES = Path(__file__).with_name("references.toml")

_STAGES: Mapping[str, tuple[type[Record], str]] = {
    "media": (Media, "Shots and keyframes were found in {n} of them"),
    "transcript": (Transcript, "speech was recognised in {n}"),
    "speakers": (Speakers, "voices were told apart in {n}"),
    "text": (ScreenText, "on-screen text was read in {n}"),
    "captions": (Captions, "keyframes were described in {n}"),
}


@dataclass(frozen=True)
class Described:
    """A description of a study.

    Attributes
    ----------
    text : str
        Paragraphs in Markdown.
    bibtex : str
        What to cite.
    """

    text: str
    bibtex: str


def describe_methods(study: Study, results: Sequence[str] = ()) -> Described:
    """Return the methods of a study.

    Parameters
    ----------
    study : Study
        The study.
    results : sequence of str
        Paragraphs on agreement and on the quality of labels, which stand after those on people.

    Returns
    -------
    Described
        The paragraphs, and BibTeX of the works they rest on.

    Raises
    ------
    StudyError
        A record cannot be read.
    """
    facts = _Facts(study)
    paragraphs = [_posts(facts), _perception(facts), _scripts(facts), *_labels(facts), _people(facts)]
    paragraphs += [*results, _program(facts)]
    text = "\n\n".join(filter(None, paragraphs)) + "\n"
    return Described(text, "\n\n".join(_references(facts.models)) + "\n")


class _Facts:
    """What the records of a study say, read once."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.posts = study.post_ids()
        self.left_out = study.left_out()
        self.skipped: dict[str, Counter[str]] = {}
        self.done: Counter[str] = Counter()
        self.made: dict[str, dict[str, MadeBy]] = {}
        self.labels: dict[LabelKey, list[Labels]] = {}
        self.failures = Counter(failure.stage for failure in study.failures())
        self.corrected = 0
        self.coders: Counter[str] = Counter()
        self.videoless = 0
        for post_id in self.posts:
            self._read(post_id)

    def _read(self, post_id: str) -> None:
        study = self.study
        self.videoless += study.post(post_id).video is None
        self.corrected += study.edits(post_id) is not None
        self.coders.update(study.coders(post_id))
        kinds: dict[str, type[Record]] = {stem: kind for stem, (kind, _) in _STAGES.items()}
        kinds |= {f"script.{name}": Script for name in study.script_variants(post_id)}
        for stem, kind in kinds.items():
            self._add(stem, study.read(post_id, stem, kind))
        for key in study.label_keys(post_id):
            labels = study.labels_of(post_id, key)
            self._add(key.stem, labels)
            if labels.values:
                self.labels.setdefault(key, []).append(labels)

    def _add(self, stem: str, record: Record | None) -> None:
        if record is None:
            return
        if record.skipped is not None:
            self.skipped.setdefault(stem, Counter())[record.skipped] += 1
            return
        self.done[stem] += 1
        if record.made_by is not None:
            made = record.made_by
            self.made.setdefault(stem, {})[f"{made.version} {sorted(made.models.items())} {made.settings}"] = made

    @property
    def models(self) -> dict[str, str]:
        """Return each model in use with its checksum."""
        named = (model for made in self.made.values() for one in made.values() for model in one.models.values())
        return dict(sorted(model.partition("@")[::2] for model in named))

    def of(self, stem: str) -> str:
        """Return the models behind a kind of record in words, and a warning where records differ."""
        made = list(self.made.get(stem, {}).values())
        names = list(dict.fromkeys(name.partition("@")[0] for one in made for name in one.models.values()))
        by = f" ({', '.join(names)})" if names else ""
        return f"{by}{' [records were made in several ways: see the report]' if len(made) > 1 else ''}"


def _posts(facts: _Facts) -> str:
    text = f"The study has {counted(len(facts.posts), 'post')}"
    if facts.videoless:
        text += f", {facts.videoless} of them without a video"
    reasons = Counter(one.reason for one in facts.left_out.excluded.values())
    if reasons:
        why = "; ".join(f"{reason}: {count}" for reason, count in reasons.most_common())
        text += f". {counted(sum(reasons.values()), 'post')} had been excluded ({why})"
    if facts.left_out.forgotten:
        text += ". Posts whose removal was asked for were deleted"
    return f"{text}."


def _perception(facts: _Facts) -> str:
    parts = [
        words.format(n=facts.done[stem]) + facts.of(stem) for stem, (_, words) in _STAGES.items() if facts.done[stem]
    ]
    failures = [f"{count} failed in {stage}" for stage, count in facts.failures.items()]
    lost = [f"{count} skipped ({reason})" for stem in _STAGES for reason, count in facts.skipped.get(stem, {}).items()]
    text = "; ".join(parts)
    return f"{text}.{' Lost: ' + '; '.join([*failures, *lost]) + '.' if failures or lost else ''}" if text else ""


def _scripts(facts: _Facts) -> str:
    names = sorted(stem.partition(".")[2] for stem in facts.done if stem.startswith("script."))
    if not names:
        return ""
    parts = [
        f"`{name}` ({counted(facts.done[f'script.{name}'], 'post')}{facts.of(f'script.{name}')})" for name in names
    ]
    text = f"Speech, on-screen text and descriptions were arranged in scripts: {', '.join(parts)}."
    if facts.corrected:
        text += f" People corrected lines or speakers of {counted(facts.corrected, 'post')}."
    return text


def _labels(facts: _Facts) -> Iterator[str]:
    for key, records in sorted(facts.labels.items()):
        source = records[0].source
        languages = ", ".join(source.languages) or "any language"
        text = (
            f"The 19 values of Schwartz et al. (2012) were labelled in {counted(len(records), 'post')} from "
            f"`{key.script}` by the route `{key.by}` with {source.model.partition('@')[0]}, made for {source.domain} "
            f"({languages})."
        )
        skipped: Mapping[str, int] = facts.skipped.get(key.stem, {})
        if skipped:
            text += " Not labelled: " + "; ".join(f"{count} ({reason})" for reason, count in skipped.items()) + "."
        calibration = records[0].calibration
        if calibration is not None:
            text += f" States: {kind_of_states(calibration)}."
        called = sum(value.state in ("present", "conflicted") for record in records for value in record.values)
        yield f"{text} On average {called / len(records):.1f} values were called per post."


def _people(facts: _Facts) -> str:
    if not facts.coders:
        return ""
    names = ", ".join(f"{coder} {count}" for coder, count in sorted(facts.coders.items()))
    return f"{counted(len(facts.coders), 'person').replace('persons', 'people')} coded posts by hand ({names})."


def _program(facts: _Facts) -> str:
    sums = ", ".join(f"{name} ({digest[:12]})" for name, digest in facts.models.items())
    return (
        f"All of this was computed with valex_local {__version__} on one machine without any connection to a network. "
        f"Models, with the beginning of their SHA-256: {sums or 'none'}."
    )


def _references(models: Mapping[str, str]) -> Iterator[str]:
    """Yield the works to cite: those of the method, and those of models whose id begins or continues with a name."""
    works = read_toml(REFERENCES)
    yield from works["method"].values()
    for name, entries in works["models"].items():
        if any(name in model for model in models):
            yield from entries.values()
    yield (
        f"@software{{valex_local,\n  title = {{valex_local}},\n  version = {{{__version__}}},\n"
        "  note = {Scripts and value labels of short videos, offline}\n}"
    )
