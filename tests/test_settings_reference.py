"""docs/settings.md is what the schema of settings says."""

from __future__ import annotations

import re

from scripts.make_settings_reference import PAGE, reference
from valex_local.settings import Settings


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == reference(), "run: python scripts/make_settings_reference.py"


def test_every_setting_is_on_the_page_and_described() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \|.*\| (.*) \|$", reference(), re.MULTILINE)
    assert all(text for _, text in rows), [name for name, text in rows if not text]

    def names(data: dict[str, object], prefix: str = "") -> set[str]:
        found = set()
        for key, value in data.items():
            nested = isinstance(value, dict) and key not in ("models", "beside")  # these hold ids of models
            found |= names(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}"}
        return found

    assert {name for name, _ in rows} == names(Settings().model_dump())
