"""Two variants of the scripts of a study, and the posts that have both."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from valex_local.comparison.lines import ComparedLine, script_lines
from valex_local.errors import ConfigError, InputError
from valex_local.evaluation.results import UncountedTexts
from valex_local.files.text import counted
from valex_local.records import Grounding, Script
from valex_local.rendering.views import script_of
from valex_local.study import Study


@dataclass(frozen=True)
class VariantPair:
    """Two variants, `first` and `second`, of the scripts of a study, or views of them."""

    study: Study
    first: str
    second: str

    @property
    def names(self) -> tuple[str, str]:
        """Return both names."""
        return self.first, self.second

    def lines(self, post_id: str) -> tuple[tuple[ComparedLine, ...], tuple[ComparedLine, ...]]:
        """Return the lines of both scripts of a post."""
        one, other = (self.study.require(post_id, f"script.{name}", Script) for name in self.names)
        return script_lines(one), script_lines(other)

    def groundings(self, post_id: str) -> tuple[Grounding | None, Grounding | None]:
        """Return the grounding records of both scripts, if there are any that say something."""
        one, other = (self.study.read(post_id, f"grounding.{name}", Grounding) for name in self.names)
        return one if one and one.skipped is None else None, other if other and other.skipped is None else None

    @cached_property
    def posts(self) -> tuple[tuple[str, ...], tuple[UncountedTexts, ...]]:
        """Return the posts that have both scripts, and the others by what they lack.

        Raises
        ------
        ConfigError
            Both names are the same.
        InputError
            A variant is unknown, or no post has both.
        """
        there = variants(self.study)
        known = ", ".join(f"{name} ({counted(count, 'post')})" for name, count in there.items()) or "none"
        if self.first == self.second:
            raise ConfigError(f"both scripts are {self.first}", hint=f"Choose two different variants out of: {known}")
        for name in self.names:
            if script_of(name) not in there:
                raise InputError(
                    f"no post of this study has script.{name}.json",
                    path=self.study.root,
                    hint=f"The variants are: {known}",
                )
        lacking = {name: self._lacking(name) for name in self.names}
        every = self.study.post_ids()
        both = tuple(post_id for post_id in every if all(post_id not in posts for posts in lacking.values()))
        if not both:
            counts = " and ".join(f"{name} ({counted(there[script_of(name)], 'post')})" for name in self.names)
            hint = "Import scripts of the same posts; their ids must match"
            raise InputError(f"no post has both scripts: {counts}", path=self.study.root, hint=hint)
        left_out = (
            UncountedTexts(why=why, texts=tuple(post_id for post_id, reason in posts.items() if reason == why))
            for posts in lacking.values()
            for why in dict.fromkeys(posts.values())
        )
        return both, tuple(left_out)

    def _lacking(self, name: str) -> dict[str, str]:
        """Return the posts without a script of that name, and why."""
        found = {}
        for post_id in self.study.post_ids():
            script = self.study.read(post_id, f"script.{name}", Script)
            if script is None:
                found[post_id] = f"no script {name}"
            elif script.skipped is not None:
                found[post_id] = f"no script {name} ({script.skipped})"
        return found


def variants(study: Study) -> dict[str, int]:
    """Return the number of posts with each variant of the script, the most frequent variant first."""
    counts = Counter(name for post_id in study.post_ids() for name in study.script_variants(post_id))
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
