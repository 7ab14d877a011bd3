from pathlib import Path

import pytest

from tests.stages.vision.tiny import VOCABULARY
from valex_local.errors import ConfigError
from valex_local.settings import Settings
from valex_local.stages.setting_files import setting_file
from valex_local.stages.vision.vocabulary import read_vocabulary


def test_ours_covers_what_a_script_writer_needs():
    vocabulary = read_vocabulary(setting_file(Settings(), "vision", "vocabulary"))
    assert [c.name for c in vocabulary.category] == ["place", "people", "expression", "activity", "objects"]
    for category in vocabulary.category:
        prompts = [prompt for _, ensemble in category.prompts() for prompt in ensemble]
        assert len(set(prompts)) == len(prompts), category.name
        assert category.background


def test_ours_fits_the_text_window_of_clip():
    import open_clip

    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    vocabulary = read_vocabulary(setting_file(Settings(), "vision", "vocabulary"))
    prompts = [p for category in vocabulary.category for _, ensemble in category.prompts() for p in ensemble]
    # The last place is free in each row, so no prompt was cut.
    assert not tokenizer(prompts)[:, -1].any()


def test_prompts_put_every_phrase_through_every_template(vocabulary: Path):
    colour = read_vocabulary(vocabulary).category[0]
    assert colour.prompts() == [
        ("red", ["a red picture.", "something red."]),
        ("blue", ["a blue picture.", "something blue.", "a azure picture.", "something azure."]),
        (None, ["a no colour at all picture.", "something no colour at all."]),
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 1", "format = = 1", "line 2"),
        ("format = 1", "format = 2", "format"),
        ("threshold = 0.0", "thresold = 0.0", "category 'colour': unknown key thresold; did you mean threshold?"),
        ("threshold = 0.0", "threshold = 1.5", "category 'colour': threshold"),
        ('"something {}."', '"something."', "category 'colour': templates.1: must contain {} once"),
        ('background = ["no colour at all"]', "background = []", "category 'colour': background"),
        ('background = ["no colour at all"]', "", "category 'colour': background is missing"),
        ('"red" = "red"', '"red" = " "', "category 'colour': entries.red"),
        ('"red" = "red"', '"red" = 3', "category 'colour': entries.red"),
        ('"red" = "red"', '"" = "red"', "category 'colour': entries"),
        ('name = "thing"', 'name = "colour"', "category colour occurs twice"),
        ('name = "thing"', "", "category number 2: name is missing"),
        ("format = 1", "formats = 1", "unknown key formats; did you mean format?"),
    ],
)
def test_a_wrong_vocabulary_says_where(tmp_path: Path, old: str, new: str, said: str):
    assert old in VOCABULARY
    path = tmp_path / "wrong.toml"
    path.write_text(VOCABULARY.replace(old, new), "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_vocabulary(path)
    assert said in caught.value.what
    assert caught.value.path == str(path)


def test_a_missing_vocabulary_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match="no such file"):
        read_vocabulary(tmp_path / "gone.toml")
