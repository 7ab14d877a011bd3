"""The steps of a run: every stage in each variant that the settings ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from valex_local.records import MadeBy
from valex_local.settings import Settings
from valex_local.stages import registry
from valex_local.stages.base import Context, Stage
from valex_local.stages.registry import StageSpec
from valex_local.stages.variants import Variant
from valex_local.system.imports import load_object

if TYPE_CHECKING:
    from valex_local.store import StoredModel


@dataclass(frozen=True)
class Step:
    """A stage in one of its variants, with the settings it reads; a run does every step for every post.

    Attributes
    ----------
    spec : StageSpec
        The stage.
    variant : str
        Name of the variant; empty for stages without variants.
    name : str
        The name in messages and failure files: ``speech``, ``script.template``, ``labels.template.encoder``.
    stem : str
        File stem of the record in the post's folder.
    settings : dict
        Exactly the settings that can change the record.
    reads : tuple of str
        Names of what the step reads; see `StageSpec.reads`.
    roles, optional_roles : tuple of str
        Roles whose models the step needs, or uses if they are there.
    side_files : tuple of str
        Kinds of side files that the step opens.
    """

    spec: StageSpec
    variant: str
    name: str
    stem: str
    settings: dict[str, Any]
    reads: tuple[str, ...]
    roles: tuple[str, ...]
    optional_roles: tuple[str, ...]
    side_files: tuple[str, ...] = ()

    def made_by(self, models: Mapping[str, StoredModel]) -> MadeBy:
        """Return what a record of this step is made with."""
        used = {role: f"{models[role].id}@{models[role].digest}" for role in self.all_roles if role in models}
        return MadeBy(stage=self.spec.name, version=self.spec.version, settings=self.settings, models=used)

    @property
    def all_roles(self) -> tuple[str, ...]:
        """All roles whose models the step uses, the needed ones first."""
        return self.roles + self.optional_roles

    def load(self, context: Context) -> Stage:
        """Return the stage, imported and built with its model loaded."""
        stage: Stage = load_object(self.spec.factory)(context)
        return stage


def plan(settings: Settings) -> tuple[Step, ...]:
    """Return all steps of a run, each after the steps it reads."""
    return tuple(_step(spec, settings, variant) for spec in registry.STAGES for variant in spec.variants(settings))


def _step(spec: StageSpec, settings: Settings, variant: Variant) -> Step:
    reads = spec.reads if variant.reads is None else variant.reads
    return Step(
        spec=spec,
        variant=variant.name,
        name=f"{spec.name}.{variant.name}" if variant.name else spec.name,
        stem=spec.stem.format(variant=variant.name),
        settings=spec.settings_read(settings, variant.name),
        reads=tuple(name.format(script=variant.script) for name in reads),
        roles=spec.roles if variant.roles is None else variant.roles,
        optional_roles=spec.optional_roles,
        side_files=spec.side_files if variant.side_files is None else variant.side_files,
    )
