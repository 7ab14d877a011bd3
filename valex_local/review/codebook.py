"""The codebook beside the page: what each value means, and examples."""

from __future__ import annotations

from valex_local.stages.labels.definitions import Definition, read_definitions
from valex_local.stages.setting_files import setting_file
from valex_local.store import Store
from valex_local.study import Study
from valex_local.study.settings import resolve_settings


def read_codebook(study: Study) -> list[Definition]:
    """Return the definitions of all values in circle order: those that the study's language model is given.

    Raises
    ------
    ConfigError
        The file that the settings name cannot be read.
    """
    settings = resolve_settings(Store(), study)
    return read_definitions(setting_file(settings, "labels", "fewshot", "values")).in_order()
