from itertools import pairwise
from pathlib import Path

import pytest

from tests.stages.labels.tiny import POSITIONS, WORDS, save_encoder
from valex_local.errors import ModelError
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.system.devices import Device

CPU = Device("cpu", 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def encoder(folder: Path, **changes: object) -> TextEncoder:
    options: dict[str, object] = {"pooling": "mean", "normalise": False, "window": 16, "overlap": 4}
    return TextEncoder(folder, device=CPU, **(options | changes))


def sentence(words: int, offset: int = 0) -> str:
    return " ".join(WORDS[(i * 7 + offset) % 12] for i in range(words))


def test_windows_cover_every_token_in_order(folder: Path):
    made = encoder(folder)
    text = sentence(101)
    ids = made.tokenizer(text, add_special_tokens=False)["input_ids"]
    windows = made.windows(text)
    assert all(window[0] == 2 and window[-1] == 3 and len(window) <= 16 for window in windows)
    inner = [window[1:-1] for window in windows]
    rebuilt = inner[0] + [token for window in inner[1:] for token in window[4:]]
    assert rebuilt == ids
    for before, after in pairwise(inner):
        assert before[-4:] == after[:4]


def test_a_text_that_fits_is_one_window(folder: Path):
    made = encoder(folder)
    assert [len(v) for v in made.vectors([sentence(14), sentence(15), ""])] == [1, 2, 1]
    assert made.vectors([]) == []


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("normalise", [False, True])
def test_vectors_are_those_of_the_library(folder: Path, pooling: str, normalise: bool):
    import torch
    from transformers import AutoModel, AutoTokenizer

    text = sentence(9)
    (found,) = encoder(folder, pooling=pooling, normalise=normalise).vectors([text])
    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.no_grad():
        states = AutoModel.from_pretrained(folder).eval()(**tokens).last_hidden_state[0]
    expected = states[0] if pooling == "cls" else states.mean(0)
    expected = expected / expected.norm() if normalise else expected
    assert torch.allclose(found[0], expected, atol=1e-5)


def test_vectors_do_not_depend_on_the_texts_beside(folder: Path):
    import torch

    made = encoder(folder)
    texts = [sentence(n, offset=n) for n in (3, 40, 11, 90, 1)]
    together = made.vectors(texts)
    for text, found in zip(texts, together, strict=True):
        assert torch.equal(made.vectors([text])[0], found)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_padding_changes_nothing(folder: Path, pooling: str):
    import torch

    made = encoder(folder, pooling=pooling, window=32)
    windows = [made._windows(sentence(n, offset=n), ())[0] for n in (2, 30, 9)]
    padded, _ = made._encode(windows)
    for window, found in zip(windows, padded, strict=True):
        assert torch.allclose(made._encode([window])[0], found, atol=1e-5)


def test_padded_batches_give_each_text_its_own_vectors(folder: Path):
    import torch

    made = encoder(folder)
    texts = [sentence(n, offset=n) for n in (40, 3, 11, 90, 1)]
    alone = made.vectors(texts)
    made._batch_size = 3  # as on a GPU
    for one, batched in zip(alone, made.vectors(texts), strict=True):
        assert one.shape == batched.shape
        assert torch.allclose(one, batched, atol=1e-5)


@pytest.mark.parametrize(("kind", "limit"), [("bert", POSITIONS), ("roberta", POSITIONS - 1)])
def test_a_window_longer_than_the_encoder_is_refused(tmp_path: Path, kind: str, limit: int):
    folder = save_encoder(tmp_path / "encoder", kind=kind)
    fits = encoder(folder, window=limit)
    assert len(fits.vectors([sentence(limit + 20)])[0]) > 1
    with pytest.raises(ModelError, match=f"longer than the encoder's {limit}"):
        encoder(folder, window=limit + 1)


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:2000])


def _incomplete(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    kept = {key: tensor for key, tensor in tensors.items() if "layer.1." not in key}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


class _Code:
    def __reduce__(self):
        return (exec, ("raise SystemExit('this must not run')",))


def _pickled_code(folder: Path) -> None:
    import torch

    (folder / "model.safetensors").unlink()
    torch.save({"a": _Code()}, folder / "pytorch_model.bin")


def _remote_code(folder: Path) -> None:
    path = folder / "config.json"
    text = path.read_text().replace('"model_type": "bert"', '"model_type": "own", "auto_map": {"AutoModel": "own.Own"}')
    path.write_text(text)
    (folder / "own.py").write_text("raise SystemExit('this must not run')")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "model.safetensors").unlink(), "the encoder has no weights"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "cannot be loaded"),
        (lambda f: (f / "tokenizer.json").unlink(), "no tokenizer"),
        (lambda f: (f / "config.json").write_text("{"), "cannot be loaded"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "cannot be loaded"),
        (_cut, "cannot be loaded"),
        (_incomplete, "weights lack"),
        (_remote_code, "cannot be loaded"),
        (_pickled_code, "cannot be loaded"),
    ],
)
def test_a_wrong_directory_is_refused(tmp_path: Path, change, said: str):
    folder = save_encoder(tmp_path / "encoder")
    change(folder)
    with pytest.raises(ModelError) as caught:
        encoder(folder)
    assert said in caught.value.what
    assert caught.value.path == str(folder)
    assert caught.value.hint


def test_a_pooler_may_be_missing(tmp_path: Path):
    from safetensors.torch import load_file, save_file

    folder = save_encoder(tmp_path / "encoder")
    tensors = load_file(folder / "model.safetensors")
    kept = {key: tensor for key, tensor in tensors.items() if not key.startswith("pooler")}
    assert len(kept) < len(tensors)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    encoder(folder)
