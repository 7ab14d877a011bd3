"""What one coder's page shows and stores: posts, codings, labels of models, and what other coders decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from valex_local.records import Coding, Media, ShownLabels
from valex_local.report.gather import Gathered, Reader
from valex_local.report.views import PostView, post_view, reachable
from valex_local.review.changes import Change, agreed, apply, mark_of
from valex_local.review.plan import finished_by, posts_of, posts_to_adjudicate
from valex_local.schwartz import CIRCLE
from valex_local.study import Study
from valex_local.study.codings import ADJUDICATED, change_coding, check_coder, read_coding, read_plan


@dataclass(frozen=True)
class Entry:
    """A post in the list: its id, its caption, and how far its coding is."""

    post: str
    caption: str
    progress: str


class Session:
    """What one person codes.

    Parameters
    ----------
    study : Study
        The study.
    coder : str
        Who codes.
    adjudicate : bool
        Whether to decide on posts that several coders have finished, instead of coding.
    show_predictions : bool
        Whether labels of models are shown before a post is finished; it is recorded either way.

    Raises
    ------
    ConfigError
        The plan does not name the coder, or the name cannot be used.
    """

    def __init__(self, study: Study, coder: str, *, adjudicate: bool = False, show_predictions: bool = False) -> None:
        self.study = study
        self.person = check_coder(coder)
        self.adjudicates = adjudicate
        self.coder = ADJUDICATED if adjudicate else self.person
        self.show_predictions = show_predictions
        plan = read_plan(study)
        self.posts = posts_to_adjudicate(study, plan, self.person) if adjudicate else posts_of(study, plan, self.person)
        self._read = Reader(study)

    def __contains__(self, post_id: object) -> bool:
        return post_id in self.posts and (self.study.folder(str(post_id)) / "post.json").is_file()

    def entries(self) -> list[Entry]:
        """Return the posts in the order in which they are coded, with what is left of each."""
        there = set(self.study.post_ids())
        return [self._entry(post_id) for post_id in self.posts if post_id in there]

    def _entry(self, post_id: str) -> Entry:
        coding = read_coding(self.study, post_id, self.coder)
        progress = "open" if coding is None else "done" if coding.done else "begun"
        return Entry(post_id, self.study.post(post_id).text.caption or "", progress)

    # --- the page of a post -----------------------------------------------------------------------------------------

    def view(self, post_id: str) -> PostView:
        """Return what the page of a post shows, with addresses of this server and one script."""
        gathered = self._read(post_id)
        coding = self.coding(post_id)
        # Lines are those of the script that the coder saw first.
        names = list(gathered.scripts)
        chosen = coding.script if coding.script in names else next(iter(names), None)
        kept = {stem: record for stem, record in gathered.records.items() if _is_shown(stem, chosen)}
        view = post_view(replace(gathered, records=kept), self.study.folder(post_id), self.study.root.resolve())
        place = quote(post_id, safe="")
        stills = tuple(
            replace(still, address=f"/still/{place}/{quote(still.id, safe='')}" if still.address else None)
            for still in view.stills
        )
        film = view.film
        if film.address is not None:
            poster = next((still.address for still in stills if still.address), None)
            film = replace(film, address=f"/film/{place}", poster=poster)
        return replace(view, film=film, stills=stills)

    def film(self, post_id: str) -> Path | None:
        """Return the file of the video or sound of a post, if it is there."""
        post = self.study.post(post_id)
        film = post.video or post.sound
        return Path(film.path) if film is not None and reachable(Gathered(post_id, post, {})) else None

    def still(self, post_id: str, keyframe: str) -> Path | None:
        """Return the file of a keyframe, if it is there."""
        media = self.study.read(post_id, "media", Media)
        folder = self.study.folder(post_id).resolve()
        for one in media.keyframes if media else ():
            file = (folder / one.file).resolve()
            if one.id == keyframe and file.is_relative_to(folder) and file.is_file():
                return file
        return None

    # --- codings ----------------------------------------------------------------------------------------------------

    def coding(self, post_id: str) -> Coding:
        """Return the coding of a post as it is stored, or the one that it starts from."""
        return read_coding(self.study, post_id, self.coder) or self._new(post_id)

    def _new(self, post_id: str) -> Coding:
        if self.adjudicates:
            others = [read_coding(self.study, post_id, name) for name in finished_by(self.study, post_id)]
            coding = agreed(self.coder, [one for one in others if one is not None])
            return coding.model_copy(update={"by": self.person})
        variants = self._read.order.of_scripts(self.study.script_variants(post_id))
        return Coding(coder=self.coder, script=next(iter(variants), None))

    def change(self, post_id: str, changes: tuple[Change, ...]) -> Coding:
        """Change a coding and store it.

        Parameters
        ----------
        post_id : str
            The post.
        changes : tuple of Change
            The changes, made together or not at all.

        Returns
        -------
        Coding
            The coding as it is stored.

        Raises
        ------
        Conflict
            A field was changed elsewhere in the meantime.
        Undecided
            The post cannot be finished yet.
        StudyError
            The coding cannot be read or written.
        """
        now = datetime.now(UTC).replace(microsecond=0)

        def changed(stored: Coding | None) -> Coding:
            return apply(stored or self._new(post_id), changes, now)

        stored = change_coding(self.study, post_id, self.coder, changed)
        return stored or self.coding(post_id)

    def machine(self, post_id: str) -> list[dict[str, Any]] | None:
        """Return the labels of models for a post, and record that they were shown; None if they may not be yet."""
        if not (self.show_predictions or self.coding(post_id).done):
            return None
        labels = {key.title: found for key, found in self.study.all_labels(post_id).items() if found.values}

        def shown(stored: Coding | None) -> Coding | None:
            coding = stored or self._new(post_id)
            known = {one.labels for one in coding.shown}
            new = tuple(ShownLabels(labels=name, finished=coding.done) for name in labels if name not in known)
            if not new:
                return None
            return coding.model_copy(update={"shown": (*coding.shown, *new), "revision": coding.revision + 1})

        change_coding(self.study, post_id, self.coder, shown)
        return [
            {
                "name": name,
                "values": {
                    one.value.value: "dominant" if one.dominant and one.state == "present" else one.state.value
                    for one in found.values
                },
            }
            for name, found in labels.items()
        ]

    def others(self, post_id: str) -> list[dict[str, Any]]:
        """Return what other coders decided, for adjudication only: coders do not see each other's work."""
        if not self.adjudicates:
            return []
        names = finished_by(self.study, post_id)
        codings = [coding for name in names if (coding := read_coding(self.study, post_id, name)) is not None]
        return [plain(coding) for coding in codings]


def plain(coding: Coding) -> dict[str, Any]:
    """Return a coding as the page reads it: every value, with its mark."""
    return {
        "coder": coding.coder,
        "revision": coding.revision,
        "note": coding.note,
        "done": coding.done,
        "values": {
            value.value: {
                "mark": mark_of(coded),
                "confidence": coded.confidence,
                "note": coded.note,
                "lines": list(coded.lines),
            }
            for value in CIRCLE
            for coded in (coding.of(value),)
        },
    }


def _is_shown(stem: str, script: str | None) -> bool:
    """Whether the page of a post shows a record: what was perceived, and one script, but no labels."""
    kind, _, name = stem.partition(".")
    return kind != "labels" and (kind not in ("script", "grounding") or name == script)
