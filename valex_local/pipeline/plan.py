"""The steps of a run: every stage in each variant that the settings ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from valex_local.records import MadeBy
from valex_local.settings import Settings
from valex_local.stages import registry
from valex_local.stages.base import Context, Stage
from valex_local.stages.registry import StageSpec
from valex_local.stages.variants import Variant
from valex_local.system.imports import load_object

if TYPE_CHECKING:
    from valex_local.store import Store, StoredModel
    from valex_local.system.devices import Device


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
    engine : str
        What is loaded; steps with the same one can share it.
    beside : mapping of str to str
        Role to the key in `labels.beside` of the model that the step uses in place of the study's own.
    version : int
        Version of the stage in this variant.
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
    engine: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)
    version: int = 1

    def made_by(self, models: Mapping[str, StoredModel]) -> MadeBy:
        """Return what a record of this step is made with."""
        used = {role: f"{model.id}@{model.digest}" for role, model in self.models(models).items()}
        return MadeBy(stage=self.spec.name, version=self.version, settings=self.settings, models=used)

    def models(self, models: Mapping[str, StoredModel]) -> dict[str, StoredModel]:
        """Return the models of a run that the step uses, by role; see `run_models` for the keys of `models`."""
        keys = {role: self.beside.get(role, role) for role in self.all_roles}
        return {role: models[key] for role, key in keys.items() if key in models}

    @property
    def all_roles(self) -> tuple[str, ...]:
        """All roles whose models the step uses, the needed ones first."""
        return self.roles + self.optional_roles

    def load(self, settings: Settings, models: Mapping[str, StoredModel], device: Device) -> Stage:
        """Return the stage, imported and built with its model loaded.

        Parameters
        ----------
        settings : Settings
            All settings.
        models : mapping of str to StoredModel
            The models of the run; see `run_models`.
        device : Device
            Where to compute.
        """
        variant = self.engine.partition(".")[2]
        stage: Stage = load_object(self.spec.factory)(Context(settings, self.models(models), device, variant))
        return stage


def plan(settings: Settings) -> tuple[Step, ...]:
    """Return all steps of a run, each after the steps it reads."""
    steps = [_step(spec, settings, variant) for spec in registry.STAGES for variant in spec.variants(settings)]
    made = {step.stem for step in steps}
    return tuple(replace(step, reads=_without_unmade(step.reads, made)) for step in steps)


def _without_unmade(reads: Sequence[str], made: Collection[str]) -> tuple[str, ...]:
    """Return names without those that may be missing and that no step makes."""
    return tuple(name for name in reads if not name.endswith("?") or registry.stems_read([name])[0] in made)


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
        engine=f"{spec.name}.{variant.engine or variant.name}",
        version=spec.version if variant.version is None else variant.version,
        beside={} if variant.model is None else dict.fromkeys(variant.roles or (), variant.model),
    )


def run_models(
    store: Store, settings: Settings, steps: Sequence[Step], *, installed: bool = True
) -> dict[str, StoredModel]:
    """Return the models that steps use: by role, and by their key in `labels.beside` those that are not the study's.

    Parameters
    ----------
    store : Store
        The model store.
    settings : Settings
        All settings.
    steps : sequence of Step
        The steps.
    installed : bool
        Whether the models must be installed; see `Store.resolve`.

    Raises
    ------
    ModelError
        A model that is needed is missing, altered or of another role; others may be missing.
    """
    needed = {role for step in steps for role in step.roles if role not in step.beside}
    optional = {role for step in steps for role in step.optional_roles} - needed
    models = store.resolve(settings.profile, settings.models, needed=needed, optional=optional, installed=installed)
    for role, key in dict.fromkeys(pair for step in steps for pair in step.beside.items()):
        named = {role: settings.labels.beside[key]}
        models[key] = store.resolve(settings.profile, named, needed=[role], installed=installed)[role]
    return models
