"""What of a study is exported: which posts, which scripts, whose labels; and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from valex_local.corpus.columns import text_id
from valex_local.errors import ConfigError, InputError
from valex_local.records import Labels, Post, Script, Transcript
from valex_local.rendering.timing import TimedScript, timed_lines
from valex_local.store import Store
from valex_local.study import Study
from valex_local.study.settings import resolve_settings

Labelled = Mapping[str, Labels]
"""Labels by post id."""


class Material:
    """What of a study is exported.

    Attributes
    ----------
    study : Study
        The study.
    posts : tuple of str
        The posts that were asked for.
    exported : set of str
        Those of which something was handed out, and not left out afterwards.
    left_out : dict of str to str
        The others, and why.
    notices : list of str
        What else a reader of the files must know.

    Parameters
    ----------
    study : Study
        The study.
    posts : sequence of str
        Ids of posts.
    script, route : str, optional
        The one variant of scripts and the one labelling route that count.
    """

    def __init__(
        self, study: Study, posts: Sequence[str], *, script: str | None = None, route: str | None = None
    ) -> None:
        self.study = study
        self.posts = tuple(posts)
        self.exported: set[str] = set()
        self.left_out: dict[str, str] = {}
        self.notices: list[str] = []
        self._script, self._route = script, route

    def leave_out(self, post_id: str, reason: str) -> None:
        """Note that nothing of a post is exported."""
        self.exported.discard(post_id)
        self.left_out[post_id] = reason

    def notice(self, count: int, what: str) -> None:
        """Note how many there are of something, if any."""
        if count:
            self.notices.append(f"{count} × {what}")

    # --- scripts ----------------------------------------------------------------------------------------------------

    def variant(self) -> str:
        """Return the variant of the scripts: the one named, or the one shown first for most posts.

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
        """Yield each post that has it with its script in the one `variant`; the others are left out.

        Raises
        ------
        InputError
            See `variant`.
        """
        variant = self.variant()
        for post_id in self.posts:
            there = self.study.script_variants(post_id)
            if variant not in there:
                reason = f"it has script.{', script.'.join(there)} and no script.{variant}" if there else "no script"
                self.leave_out(post_id, reason)
                continue
            script = self.study.require(post_id, f"script.{variant}", Script)
            if script.skipped is not None:
                self.leave_out(post_id, f"no script ({script.skipped})")
                continue
            self.exported.add(post_id)
            yield self.study.post(post_id), script

    def all_scripts(self) -> Iterator[tuple[Post, Script]]:
        """Yield each post with each of its scripts, or the one that was named; nobody is left out."""
        for post_id in self.posts:
            for variant in self.study.script_variants(post_id):
                script = self.study.require(post_id, f"script.{variant}", Script)
                if self._script in (None, variant) and script.skipped is None:
                    self.exported.add(post_id)
                    yield self.study.post(post_id), script

    def timed_scripts(self) -> Iterator[TimedScript]:
        """Yield the scripts of `scripts` with their times; those whose lines have none are left out."""
        untimed = 0
        for post, script in self.scripts():
            timed, missing = timed_lines(post, script)
            if missing and not (timed.speech or timed.screen_text or timed.actions):
                self.leave_out(post.id, f"the lines of script.{script.name} have no times")
                continue
            untimed += missing
            yield timed
        self.notice(untimed, "line without a time, left out")

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
            said = {name: labels for name, labels in records.items() if labels.values}
            for name, labels in said.items():
                found.setdefault(name, {})[post_id] = labels
            if said:
                self.exported.add(post_id)
            else:
                reasons = dict.fromkeys(labels.skipped for labels in records.values() if labels.skipped)
                self.leave_out(post_id, f"no labels ({'; '.join(reasons)})" if reasons else "no labels")
        if not found:
            raise self._nothing("no post has labels" + self._asked())
        return dict(sorted(found.items()))

    def labelling(self) -> tuple[str, Labelled]:
        """Return the one labelling there is, and its name.

        Raises
        ------
        ConfigError
            There are several.
        """
        found = self.labellings()
        if len(found) > 1:
            raise ConfigError(
                f"this format has room for one set of labels, and the study has {len(found)}: {', '.join(found)}",
                path=self.study.root,
                hint="Name one: local.encoder is --script local --route encoder",
            )
        return next(iter(found.items()))

    def all_labels(self) -> Iterator[tuple[Post, str, Labels]]:
        """Yield each post with each of its labellings and its name; nobody is left out."""
        for post_id in self.posts:
            for name, labels in self._labels(post_id).items():
                if labels.values:
                    self.exported.add(post_id)
                    yield self.study.post(post_id), name, labels

    def labels_of(self, post_id: str, scripts: Sequence[str]) -> dict[str, Labels]:
        """Return the labels of a post that go by one of the scripts named, by script and route."""
        return {name: labels for name, labels in self._labels(post_id, scripts).items() if labels.values}

    def _labels(self, post_id: str, scripts: Sequence[str] | None = None) -> dict[str, Labels]:
        """Return the records of the scripts named, else of the one that was asked for, else all."""
        wanted = (self._script,) if scripts is None and self._script is not None else scripts
        return {
            str(key): self.study.require(post_id, key.stem, Labels)
            for key in self.study.label_keys(post_id)
            if (wanted is None or key.script in wanted) and self._route in (None, key.route)
        }

    def _asked(self) -> str:
        asked = [f"{what} {name}" for what, name in (("script", self._script), ("route", self._route)) if name]
        return f" of the {' and the '.join(asked)}" if asked else ""

    # --- other facts ------------------------------------------------------------------------------------------------

    def has_sound(self, post_id: str, variant: str) -> bool | None:
        """Return whether the video is not silent: as was heard, else as the script says, else None."""
        heard = self.study.read(post_id, "transcript", Transcript)
        if heard is not None and heard.skipped is None:
            return heard.sound.has_sound
        script = self.study.read(post_id, f"script.{variant}", Script)
        return None if script is None or script.sound is None else script.sound.has_sound

    def _nothing(self, what: str) -> InputError:
        return InputError(
            f"there is nothing to export: {what}",
            path=self.study.root,
            hint="See what there is with: valex status -s STUDY --posts",
        )


def name_of(post_id: str) -> str:
    """Return the name of a post in tables: that of a TikTok post is ``user_number``, without a leading ``@``."""
    return text_id(post_id)
