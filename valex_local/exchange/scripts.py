"""Import scripts as a variant of a study: ``script.<name>.json`` of each post."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valex_local.corpus.post_finder import PostFinder
from valex_local.errors import ConfigError, InputError, StudyError
from valex_local.exchange.gemini import ResponseStatus
from valex_local.exchange.imported_times import with_checked_times
from valex_local.exchange.posts import names_a_user, new_post
from valex_local.exchange.script_json import parse_json_script
from valex_local.exchange.script_parser import parse_script
from valex_local.exchange.sources import ForeignScript, read_scripts
from valex_local.files.checksums import content_hash
from valex_local.records import MadeBy, Media, Notice, Post, Script
from valex_local.study import Study
from valex_local.study.variants import WRITTEN

STAGE = "import"

VERSION = 2
"""Version of the parser; increased when it makes a different record from the same text."""

TAKEN = (*WRITTEN, "video")
"""Reserved names: the scripts that a run writes, and the video itself as a source of labels."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
_ORIGIN = ("fingerprint", "made_by")


@dataclass(frozen=True)
class SkippedScript:
    """A script that was not imported: its name, its location, and the reason."""

    name: str
    where: str
    reason: str

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where != self.name else ""
        return f"{self.name}{place}: {self.reason}"


@dataclass
class Imported:
    """The result of an import.

    Attributes
    ----------
    study, name : str
        The folder of the study, and the name of the variant.
    imported, replaced, unchanged : list of str
        Posts that had no script of this name, had a different one, or had the same one.
    new_posts : list of str
        Posts that were added to the study.
    unmatched, refused, cut, empty, conflicting, unreadable : list of SkippedScript
        Scripts that were not imported.
    repeated : list of SkippedScript
        Exact duplicates, of which one was imported.
    passed_over : list of str
        Files about other files, such as a README.
    notices : list of str
        What was guessed, cut or doubtful in scripts that were imported, each with its post.
    """

    study: str
    name: str
    imported: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    new_posts: list[str] = field(default_factory=list)
    unmatched: list[SkippedScript] = field(default_factory=list)
    refused: list[SkippedScript] = field(default_factory=list)
    cut: list[SkippedScript] = field(default_factory=list)
    empty: list[SkippedScript] = field(default_factory=list)
    conflicting: list[SkippedScript] = field(default_factory=list)
    unreadable: list[SkippedScript] = field(default_factory=list)
    repeated: list[SkippedScript] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Return the number of posts that have their script."""
        return len(self.imported) + len(self.replaced) + len(self.unchanged)

    @property
    def ok(self) -> bool:
        """Whether every script was imported."""
        left = (self.unmatched, self.refused, self.cut, self.empty, self.conflicting, self.unreadable)
        return not any(left)


def import_scripts(
    path: Path,
    out: Path,
    *,
    name: str,
    id_column: str | None = None,
    text_column: str | None = None,
    new_posts: bool = False,
    keep_cut: bool = False,
    origin: str | None = None,
) -> Imported:
    """Import the scripts in a file or folder into a study.

    Parameters
    ----------
    path : Path
        The scripts, in any format that `read_scripts` recognises.
    out : Path
        The study folder.
    name : str
        Name of the variant, such as ``gemini``.
    id_column, text_column : str, optional
        Columns of tables; recognised by their names when left out.
    new_posts : bool
        Whether to add a post without a video for a script whose post is not in the study; the study itself is made if
        it does not exist.
    keep_cut : bool
        Whether to import scripts that are truncated at the maximum length, with a notice in the record.
    origin : str, optional
        Where the scripts come from, for the record.

    Returns
    -------
    Imported
        What was imported. Single scripts that cannot be imported are listed in it and do not raise.

    Raises
    ------
    ConfigError
        The name is reserved or contains other characters.
    InputError
        No script can be read.
    StudyError
        There is no study, or a run is active in it.
    """
    _check_name(name)
    sources = read_scripts(path, id_column=id_column, text_column=text_column)
    found = Imported(str(out), name, passed_over=list(sources.passed_over))
    found.unreadable += [SkippedScript(bad.where, bad.where, bad.reason) for bad in sources.unreadable]
    drafts = _drafts(sources.scripts, found, name, keep_cut)
    if new_posts and not drafts:
        return found
    if not new_posts and not (out / "study.toml").is_file():
        hint = "Make one with: valex run VIDEOS -s STUDY; or add --new-posts, and each script is a post without a video"
        raise StudyError("there is no study here", path=out, hint=hint)
    study = Study(out, create=new_posts)
    with study.lock():
        matched, posts = _match(study, drafts, found, new_posts)
        for post_id, draft in sorted(_one_each(matched, found).items()):
            if post_id in posts:
                study.write(post_id, "post", posts[post_id])
                found.new_posts.append(post_id)
            script = with_checked_times(draft.record(origin), _duration(study, post_id))
            getattr(found, _write(study, post_id, script)).append(post_id)
            found.notices += [f"{post_id}: {notice.text}" for notice in script.notices]
    return found


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"--name {name!r}: expected letters, digits, - and _", hint="For example --name gemini")
    if name.lower() in TAKEN:
        raise ConfigError(f"--name {name}: this name is reserved for valex run", hint="Choose another name")


# --- from texts to records ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Draft:
    """A script that can be imported, and its record without fingerprint."""

    source: ForeignScript
    script: Script

    @property
    def is_cut(self) -> bool:
        return self.source.answer.status is ResponseStatus.CUT

    def record(self, origin: str | None) -> Script:
        """Return the record with its provenance; the fingerprint is computed from the text."""
        answer = self.source.answer
        known = {"model": answer.model, "origin": origin, "shape": self.source.shape, "file": self.source.where}
        settings = {key: value for key, value in known.items() if value is not None}
        digest = hashlib.sha256(answer.text.encode("utf-8", "surrogatepass")).hexdigest()
        made = {
            "made_by": MadeBy(stage=STAGE, version=VERSION, settings={**settings, "sha256": digest}),
            "fingerprint": content_hash({"stage": STAGE, "version": VERSION, "text": digest}),
        }
        return self.script.model_copy(update=made)

    def left_out(self, reason: str) -> SkippedScript:
        return _left_out(self.source, reason)


def _drafts(scripts: Sequence[ForeignScript], found: Imported, name: str, keep_cut: bool) -> list[_Draft]:
    """Return the parsed scripts that can be imported; add the others to `found`."""
    drafts = []
    for source in scripts:
        status, reason = source.answer.status, source.answer.reason
        if status is ResponseStatus.WHOLE or (status is ResponseStatus.CUT and keep_cut):
            try:
                script = parse_json_script(source.answer.text, name) or parse_script(source.answer.text, name)
            except InputError as error:
                found.unreadable.append(_left_out(source, error.what))
                continue
            if status is ResponseStatus.CUT:
                # Part of the record: another wording would replace the script if it is imported again.
                notice = Notice(code="cut", text=f"the script is not whole: {reason}")
                script = script.model_copy(update={"notices": (*script.notices, notice)})
            if any(scene.heading or scene.elements for scene in script.scenes):
                drafts.append(_Draft(source, script))
            else:
                found.empty.append(_left_out(source, "it contains nothing but markup"))
        else:
            getattr(found, status.value).append(_left_out(source, reason))
    return drafts


def _left_out(source: ForeignScript, reason: str) -> SkippedScript:
    return SkippedScript(source.names[0].strip() if source.names else source.where, source.where, reason)


# --- from records to posts ------------------------------------------------------------------------------------------


def _match(
    study: Study, drafts: Sequence[_Draft], found: Imported, new_posts: bool
) -> tuple[dict[str, list[_Draft]], Mapping[str, Post]]:
    """Return the scripts by post, and the posts among them that are not in the study."""
    finder = PostFinder(study.post(post_id) for post_id in study.post_ids())
    matched: dict[str, list[_Draft]] = {}
    posts: dict[str, Post] = {}
    # Scripts that name a user come first, so that a number alone matches a post that they add.
    for draft in sorted(drafts, key=lambda draft: not names_a_user(draft.source.names)):
        fitting = finder.find(draft.source.names)
        if not fitting and new_posts and (post := new_post(draft.source.names)) is not None:
            posts[post.id] = post
            finder.add(post)
            fitting = (post.id,)
        if len(fitting) == 1:
            matched.setdefault(fitting[0], []).append(draft)
        else:
            found.unmatched.append(draft.left_out(_why_unmatched(draft.source.names, fitting)))
    return matched, posts


def _why_unmatched(names: Sequence[str], fitting: Sequence[str]) -> str:
    if fitting:
        return f"it matches {len(fitting)} posts: {', '.join(fitting[:3])}"
    return "the study has no such post" if names else "it does not name a post"


def _one_each(matched: Mapping[str, list[_Draft]], found: Imported) -> dict[str, _Draft]:
    """Return the script of each post: complete ones before truncated ones, and none if two differ."""
    chosen = {}
    for post_id, drafts in matched.items():
        whole = [draft for draft in drafts if not draft.is_cut]
        for draft in drafts if whole else ():
            if draft.is_cut:
                found.cut.append(draft.left_out("another script of this post is complete"))
        first, *others = whole or drafts
        texts = {draft.source.answer.text.strip() for draft in (first, *others)}
        if len(texts) == 1:
            chosen[post_id] = first
            found.repeated += [draft.left_out(f"same text as {first.source.where}") for draft in others]
        else:
            places = "; ".join(draft.source.where for draft in (first, *others))
            reason = f"{len(texts)} different scripts of the post {post_id}: {places}"
            found.conflicting += [draft.left_out(reason) for draft in (first, *others)]
    return chosen


# --- into the study -------------------------------------------------------------------------------------------------


def _duration(study: Study, post_id: str) -> float | None:
    """Return the length of the post's video in seconds; None if it is not known."""
    media = study.read_raw(post_id, "media", Media)
    duration = None if media is None else media.get("duration")
    return float(duration) if isinstance(duration, int | float) and duration > 0 else None


def _write(study: Study, post_id: str, script: Script) -> str:
    """Write a script unless the study has the same one; return the list of `Imported` that the post belongs to."""
    stem = f"script.{script.name}"
    known = study.read_raw(post_id, stem, Script, as_found=True)
    if known is not None and _content(known) == _content(script.model_dump(mode="json")):
        return "unchanged"
    there = (study.folder(post_id) / f"{stem}.json").exists()
    study.drop_made_from(post_id, script.name)
    study.write(post_id, stem, script)
    return "replaced" if there else "imported"


def _content(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without its provenance."""
    return {key: value for key, value in record.items() if key not in _ORIGIN}
