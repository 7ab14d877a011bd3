from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.stages.speech.conftest import CPU, SPEECH, WORDS, plain
from valex_local.errors import ModelError
from valex_local.stages.speech.engine import load_engine
from valex_local.stages.speech.faster_whisper import FasterWhisper, _reached
from valex_local.store import StoredModel

SMALL = ("config.json", "tokenizer.json", "vocabulary.txt")


@pytest.fixture
def incomplete(whisper: StoredModel, tmp_path: Path) -> Callable[[str], StoredModel]:
    """A copy of the model that lacks one file; model.bin, which is big, is linked."""

    def make(lacks: str) -> StoredModel:
        for name in SMALL:
            shutil.copy(whisper.folder / name, tmp_path / name)
        (tmp_path / "model.bin").symlink_to(whisper.folder / "model.bin")
        (tmp_path / lacks).unlink()
        return replace(whisper, folder=tmp_path)

    return make


@pytest.mark.parametrize("lacks", [*SMALL, "model.bin"])
def test_incomplete_model_is_refused_before_loading(incomplete: Callable[[str], StoredModel], lacks: str) -> None:
    with pytest.raises(ModelError, match=f"has no {lacks}"):
        load_engine(incomplete(lacks), CPU)


def test_damaged_weights_are_refused(incomplete: Callable[[str], StoredModel], whisper: StoredModel) -> None:
    model = incomplete("model.bin")
    (model.folder / "model.bin").write_bytes((whisper.folder / "model.bin").read_bytes()[:100_000])
    with pytest.raises(ModelError, match="cannot load"):
        load_engine(model, CPU)


def test_compute_type_of_the_manifest_is_used(whisper: StoredModel) -> None:
    assert (
        load_engine(replace(whisper, options={"compute_type": "int8"}), CPU)._model.model.compute_type == "int8_float32"
    )
    assert load_engine(whisper, CPU)._model.model.compute_type == "float32"
    with pytest.raises(ModelError, match="compute_type"):
        load_engine(replace(whisper, options={"compute_type": "float7"}), CPU)


def test_large_v3_without_its_preprocessor_is_refused(
    incomplete: Callable[[str], StoredModel], whisper: StoredModel
) -> None:
    """The other way round, which is the same check: base with the file of large-v3."""
    model = incomplete("vocabulary.txt")
    shutil.copy(whisper.folder / "vocabulary.txt", model.folder)
    (model.folder / "preprocessor_config.json").write_text('{"feature_size": 128}')
    with pytest.raises(ModelError, match=r"needs 80 mel bands, but 128"):
        load_engine(model, CPU)


def test_unknown_engine_names_the_known(whisper: StoredModel) -> None:
    with pytest.raises(ModelError, match=r"whispering.*faster-whisper, openai-whisper, parakeet"):
        load_engine(replace(whisper, engine="whispering"), CPU)


class Malice:
    """What a checkpoint from strangers might do when unpickled without care."""

    def __reduce__(self):
        return print, ("code ran",)


def _openai(folder: Path) -> StoredModel:
    return StoredModel("w", "asr", "openai-whisper", folder, "0" * 64)


def test_checkpoint_that_holds_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    torch.save({"dims": {}, "model_state_dict": {}, "x": Malice()}, tmp_path / "a.pt")
    with pytest.raises(ModelError, match="not an openai-whisper checkpoint"):
        load_engine(_openai(tmp_path), CPU)
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"junk", pickle.dumps([1, 2], protocol=2)], ids=["empty", "junk", "list"])
def test_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ModelError, match="not an openai-whisper checkpoint"):
        load_engine(_openai(tmp_path), CPU)


def test_state_of_something_else_is_refused(tmp_path: Path) -> None:
    import torch

    torch.save({"dims": {"n_mels": 80}, "model_state_dict": {}}, tmp_path / "a.pt")
    with pytest.raises(ModelError):
        load_engine(_openai(tmp_path), CPU)


def test_one_checkpoint_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="here are 0"):
        load_engine(_openai(tmp_path), CPU)
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).touch()
    with pytest.raises(ModelError, match="here are 2"):
        load_engine(_openai(tmp_path), CPU)


@pytest.mark.slow
def test_pieces_of_several_posts_in_one_batch(whisper: StoredModel, speech: np.ndarray) -> None:
    """The path of GPUs, here on the CPU: each piece gets its own words, at its own times."""
    engine = FasterWhisper(whisper, CPU)
    pieces = [speech[: 4 * 16000], speech, np.zeros(16000, np.float32), speech[4 * 16000 :]]
    single = engine.recognise(pieces, language="en", task="transcribe", beam_size=1)
    assert engine.batch_size == 1
    engine = FasterWhisper(replace(whisper, options={"batches": True}), CPU)
    assert engine.batch_size > 1
    batch = engine.recognise(pieces, language="en", task="transcribe", beam_size=1)
    for i in (0, 1, 3):
        one, many = (plain(" ".join(h.text for h in found[i])) for found in (single, batch))
        assert one == many
        assert len(one) > 8
        words = [word for h in batch[i] for word in h.words]
        assert all(-0.01 <= w.start <= w.end <= len(pieces[i]) / 16000 + 0.5 for w in words)
        # The pause before a piece, which a slot changes, may move the start of its first word.
        alone = [word for h in single[i] for word in h.words]
        assert words[0].start == pytest.approx(alone[0].start, abs=0.5)
        assert np.allclose([w.start for w in words[1:]], [w.start for w in alone[1:]], atol=0.15)
        assert [h.compression_ratio for h in batch[i]] == pytest.approx(
            [single[i][0].compression_ratio] * len(batch[i]), rel=0.1
        )


OFFLINE = """
import sys
def no_network(event, args):
    if event.startswith("socket.") and event != "socket.__new__":
        raise SystemExit(f"tried {event} {args}")
sys.addaudithook(no_network)
from pathlib import Path
from valex_local.system.devices import Device
from valex_local.stages.media.audio import load_audio
from valex_local.stages.speech.engine import load_engine
from valex_local.stages.speech.vad import find_voice
from valex_local.store import StoredModel
sound = load_audio(Path(sys.argv[2]))
assert find_voice(sound, threshold=0.5).stretches
engine = load_engine(StoredModel("w", "asr", "faster-whisper", Path(sys.argv[1]), "0" * 64), Device("cpu", 2))
print("".join(h.text for h in engine.recognise([sound], language="en", task="transcribe", beam_size=1)[0]))
"""


@pytest.mark.slow
def test_a_piece_whose_language_was_asked_is_encoded_once(whisper: StoredModel, speech: np.ndarray) -> None:
    from ctranslate2.models import Whisper

    count = 0
    encode = Whisper.encode

    def counted(self: Whisper, *given: object, **options: object) -> object:
        nonlocal count
        count += 1
        return encode(self, *given, **options)

    asked = load_engine(whisper, CPU)
    options = {"language": "en", "task": "transcribe", "beam_size": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Whisper, "encode", counted)
        assert max(asked.detect(speech).items(), key=lambda item: item[1])[0] == "en"
        heard = asked.recognise([speech], **options)
        assert count == 1
        assert asked.recognise([speech], **options) == heard
        assert count == 2, "what was kept is given back once"
    assert load_engine(whisper, CPU).recognise([speech], **options) == heard


def test_few_windows_are_kept(whisper: StoredModel, monkeypatch: pytest.MonkeyPatch) -> None:
    from valex_local.stages.speech import faster_whisper

    monkeypatch.setattr(faster_whisper, "CACHED_WINDOWS", 2)
    engine = load_engine(whisper, CPU)
    for number in range(4):
        engine._model.cache(np.full((1, 2), number, np.float32), f"window {number}")
    assert [engine._model.encode(np.full((1, 2), n, np.float32)) for n in (2, 3)] == ["window 2", "window 3"]
    assert not engine._model._cache


@pytest.mark.slow
def test_voice_detector_and_recogniser_ask_no_network(whisper: StoredModel) -> None:
    command = [sys.executable, "-c", OFFLINE, str(whisper.folder), str(SPEECH)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert plain(done.stdout) == plain(WORDS)


def test_room_imports_nothing_heavy() -> None:
    code = (
        "import sys, valex_local.stages.speech, valex_local.stages.speech.faster_whisper;"
        "import valex_local.stages.speech.openai_whisper;"
        "print([m for m in ('torch', 'whisper', 'faster_whisper', 'ctranslate2', 'numpy', 'av') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([100, 1, 2, 600], None),  # a single time at the end: nothing follows
        ([100, 1, 600, 600, 2, 3, 800], None),
        ([100, 1, 600, 600], 10.0),  # a segment ends and another one would begin
        ([100, 1, 300, 310, 2, 800, 800, 3], 14.0),  # words behind the last end are given again
        ([100, 1, 2], None),  # no times at all: the whole window
        ([100, 100, 1], None),  # nothing was said up to the first time: once more would say the same
        ([], None),
    ],
)
def test_how_far_whisper_came_in_a_window(tokens: list[int], expected: float | None) -> None:
    assert _reached(tokens, 100) == expected


def test_what_a_batch_left_is_recognised_in_the_next(whisper: StoredModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends of pieces are given again, each at its place in its own piece; a remnant below half a second is none."""
    engine = FasterWhisper(replace(whisper, options={"batches": True}), CPU)
    reached = iter([[10.0, None, 4.6], [5.0], [None]])
    given = []

    def in_batches(pieces, options, *, starts):
        given.append(([len(piece) / 16000 for piece in pieces], list(starts)))
        return [[start] for start in starts], next(reached)

    monkeypatch.setattr(engine, "_in_batches", in_batches)
    pieces = [np.zeros(round(seconds * 16000), np.float32) for seconds in (20, 8, 5)]
    found = engine.recognise(pieces, language="en", task="transcribe", beam_size=1)
    assert given == [([20, 8, 5], [0, 0, 0]), ([10], [10]), ([5], [15])]
    assert found == [[0, 10, 15], [0], [0]]
