import sys

import pytest

from valex_local.errors import MissingExtra
from valex_local.system.imports import require_extra


def test_an_extra_that_is_missing_says_how_to_install_it():
    with pytest.raises(MissingExtra) as caught:
        require_extra("train", "json", "no_such_module_of_ours", "another_one")
    assert (
        str(caught.value)
        == 'no_such_module_of_ours is not installed. Install it with: pip install "valex_local[train]"'
    )


def test_looking_for_modules_imports_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    require_extra("train", "colorsys")
    assert "colorsys" not in sys.modules
