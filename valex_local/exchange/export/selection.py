"""Select the posts, scripts and labels to export, and keep track of what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from valex_local.corpus.columns import text_id
from valex_local.errors import ConfigError, InputError
from valex_local.records import Labels, Post, Script, Transcript
from valex_local.rendering.timing import TimedScript, timed_lines
from valex_local.store import Store
from valex_local.study import LabelKey, Study
from valex_local.study.settings import resolve_settings

Labelled = Mapping[str, Labels]
"""Labels by post id."""


class Material:
    """The content of an export.

    Attributes
    ----------
    study : Study
        The study.
    posts : tuple of str
        The posts asked for.
    exported : set of str
        Posts of which something is exported.
    left_out : dict of str to str
        The other posts, with the reason.
    notices : list of str
        Other notices about the files.
    sets : set of LabelKey
        The sets of labels that were read.

    Parameters
    ----------
    study : Study
        The study.
    posts : sequence of str
        Ids of posts.
    script, route : str, optional
        The variant of scripts and the label route to export.
    blind : bool
        Whether people code what is exported and must not see labels by models.
    """

    def __init__(
        self,
        study: Study,
        posts: Sequence[str],
        *,
        script: str | None = None,
        route: str | None = None,
        blind: bool = False,
    ) -> None:
        self.study = study
        self.posts = tuple(posts)
        self.exported: set[str] = set()
        self.left_out: dict[str, str] = {}
        self.notices: list[str] = []
        self.sets: set[LabelKey] = set()
        self.blind = blind
        self._script, self._route = script, route

    def leave_out(self, post_id: str, reason: str) -> None:
        """Record that a post is not exported, with the reason."""
        self.exported.discard(post_id)
        self.left_out[post_id] = reason

    def notice(self, count: int, what: str) -> None:
        """Add a notice with a count, unless it is 0."""
        if count:
            self.notices.append(f"{count} × {what}")

    # --- scripts ----------------------------------------------------------------------------------------------------

    def variant(self) -> str:
        """Return the variant of the scripts: the one asked for, or the one shown first for most posts.

        Raises
        ------
        InputError
            No post has a script, or none of that variant.
        """
        if self._script is not None:
            if not any(self._script in self.study.script_variants(post_id) for post_id in self.posts):
                raise self._nothing(f"no post has script.{self._script}.json")
            return self._script
        preferred = resolve_settings(Store(), self.study).script.variants
        named = (self.study.script(p, preferred=preferred)[0] for p in self.posts if self.study.script_variants(p))
        shown = Counter(sorted(named))
        if not shown:
            raise self._nothing("no post has a script")
        return shown.most_common(1)[0][0]

    def scripts(self) -> Iterator[tuple[Post, Script]]:
        """Yield each post with its script of the one `variant`; posts without it are left out.

        Raises
        ------
        InputError
            See `variant`.
        """
        variant = self.variant()
        for post_id in self.posts:
            there = self.study.script_variants(post_id)
            if variant not in there:
                reason = f"it has script.{', script.'.join(there)} but no script.{variant}" if there else "no script"
                self.leave_out(post_id, reason)
                continue
            script = self.study.require(post_id, f"script.{variant}", Script)
            if script.skipped is not None:
                self.leave_out(post_id, f"no script ({script.skipped})")
                continue
            self.exported.add(post_id)
            yield self.study.post(post_id), script

    def all_scripts(self) -> Iterator[tuple[Post, Script]]:
        """Yield each post with each of its scripts, or the one asked for, without recording what is left out."""
        for post_id in self.posts:
            for variant in self.study.script_variants(post_id):
                script = self.study.require(post_id, f"script.{variant}", Script)
                if self._script in (None, variant) and script.skipped is None:
                    self.exported.add(post_id)
                    yield self.study.post(post_id), script

    def timed_scripts(self) -> Iterator[TimedScript]:
        """Yield the scripts of `scripts` with their times; scripts whose lines have no times are left out."""
        untimed = 0
        for post, script in self.scripts():
            timed, missing = timed_lines(post, script)
            if missing and not (timed.speech or timed.screen_text or timed.actions):
                self.leave_out(post.id, f"the lines of script.{script.name} have no times")
                continue
            untimed += missing
            yield timed
        self.notice(untimed, "line left out because it has no time")

    # --- labels -----------------------------------------------------------------------------------------------------

    def labellings(self) -> dict[str, Labelled]:
        """Return the labels by script and route, ``"local.encoder"``; posts without any are left out.

        Raises
        ------
        InputError
            There are none.
        """
        found: dict[str, dict[str, Labels]] = {}
        for post_id in self.posts:
            records = self._labels(post_id)
            filled = {name: labels for name, labels in records.items() if labels.values}
            for name, labels in filled.items():
                found.setdefault(name, {})[post_id] = labels
            if filled:
                self.exported.add(post_id)
            else:
                reasons = dict.fromkeys(labels.skipped for labels in records.values() if labels.skipped)
                self.leave_out(post_id, f"no labels ({'; '.join(reasons)})" if reasons else "no labels")
        if not found:
            raise self._nothing("no post has labels" + self._asked())
        return dict(sorted(found.items()))

    def labelling(self) -> tuple[str, Labelled]:
        """Return the only set of labels, and its name.

        Raises
        ------
        ConfigError
            There are several sets of labels.
        """
        found = self.labellings()
        if len(found) > 1:
            one = LabelKey.of(next(iter(found)))
            raise ConfigError(
                f"this format takes one set of labels, but the study has {len(found)}: {', '.join(found)}",
                path=self.study.root,
                hint=f"Choose one; for example, {one} is --script {one.script} --route {one.by}",
            )
        return next(iter(found.items()))

    def all_labels(self) -> Iterator[tuple[Post, str, Labels]]:
        """Yield each post with each of its sets of labels and its name, without recording what is left out."""
        for post_id in self.posts:
            for name, labels in self._labels(post_id).items():
                if labels.values:
                    self.exported.add(post_id)
                    yield self.study.post(post_id), name, labels

    def labels_of(self, post_id: str, scripts: Sequence[str]) -> dict[str, Labels]:
        """Return the labels of a post for the given scripts, by script and route."""
        return {name: labels for name, labels in self._labels(post_id, scripts).items() if labels.values}

    def _labels(self, post_id: str, scripts: Sequence[str] | None = None) -> dict[str, Labels]:
        """Return the labels of a post for the given scripts, else for the one asked for, else all."""
        wanted = (self._script,) if scripts is None and self._script is not None else scripts
        keys = [
            key
            for key in self.study.label_keys(post_id)
            if (wanted is None or key.script in wanted) and self._route in (None, key.by)
        ]
        self.sets.update(keys)
        return {str(key): self.study.labels_of(post_id, key) for key in keys}

    def _asked(self) -> str:
        asked = [f"{what} {name}" for what, name in (("script", self._script), ("route", self._route)) if name]
        return f" of the {' and the '.join(asked)}" if asked else ""

    # --- other facts ------------------------------------------------------------------------------------------------

    def has_sound(self, post_id: str, variant: str) -> bool | None:
        """Return whether the video has sound, from the transcript or else from the script; None if unknown."""
        transcript = self.study.read(post_id, "transcript", Transcript)
        if transcript is not None and transcript.skipped is None:
            return transcript.sound.has_sound
        script = self.study.read(post_id, f"script.{variant}", Script)
        return None if script is None or script.sound is None else script.sound.has_sound

    def _nothing(self, what: str) -> InputError:
        return InputError(
            f"there is nothing to export: {what}",
            path=self.study.root,
            hint="Show what the study has with: valex status -s STUDY --posts",
        )


def name_of(post_id: str) -> str:
    """Return the name of a post in tables: ``user_number`` without a leading ``@`` for a TikTok post."""
    return text_id(post_id)
