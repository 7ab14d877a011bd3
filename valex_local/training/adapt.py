"""Masked-language training of an encoder on texts, without their labels, before it is trained on labels.

Gururangan et al. (2020), "Don't stop pretraining": an encoder works better on a kind of text after masked-language
training on such texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.errors import ModelError
from valex_local.files.atomic import replacing
from valex_local.files.removing import remove
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.system.hugging_face import quiet
from valex_local.training.trainer import precision

if TYPE_CHECKING:
    from valex_local.system.devices import Device
    from valex_local.training.options import TrainingOptions

_MASKED = 0.15
_RATE = 5e-5
_WITHOUT = "Train without --adapt, or start from another encoder"


def adapt(
    folder: Path,
    texts: Sequence[str],
    options: TrainingOptions,
    *,
    make_encoder: Callable[[], TextEncoder],
    device: Device,
    work: Path,
    say: Callable[[str], None],
) -> Path:
    """Return the directory of an encoder trained further on texts; the training is done once and can be resumed.

    Parameters
    ----------
    folder : Path
        The encoder's directory.
    texts : sequence of str
        The texts.
    options : TrainingOptions
        Options of the training.
    make_encoder : callable
        Loads the encoder.
    device : Device
        Where to compute.
    work : Path
        Folder for the adapted encoder and the state of its training.
    say : callable
        Called with messages about the progress.

    Returns
    -------
    Path
        The directory of the adapted encoder.

    Raises
    ------
    ModelError
        The encoder, or its tokenizer, does not support masked-language training.
    """
    made = work / "adapted"
    if made.is_dir():
        return made
    encoder = make_encoder()
    if encoder.tokenizer.mask_token is None:
        raise ModelError("the encoder's tokenizer has no mask token", path=folder, hint=_WITHOUT)
    windows = [{"input_ids": ids} for text in texts for ids in encoder.windows(text)]
    model = _masked_model(folder, say)
    say(f"adapting the encoder: {len(windows)} windows, {options.adapt} epochs")
    with quiet():
        trainer = _trainer(model, encoder.tokenizer, windows, options, device=device, folder=work / "masked")
        trainer.train(resume_from_checkpoint=_last_state(work / "masked"))
        with replacing(made) as part:
            model.base_model.save_pretrained(part)
            encoder.tokenizer.save_pretrained(part)
    remove(work / "masked", inside=work)
    return made


def _last_state(folder: Path) -> str | None:
    """Return the last complete checkpoint; ``trainer_state.json`` is written last."""
    states = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    last = max(states, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
    return None if last is None else str(last)


def _masked_model(folder: Path, say: Callable[[str], None]) -> Any:
    import torch
    from transformers import AutoModelForMaskedLM

    try:
        with quiet():
            model, info = AutoModelForMaskedLM.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
            )
    except ValueError as error:
        raise ModelError(
            "this encoder does not support masked-language training", path=folder, hint=_WITHOUT
        ) from error
    if info["missing_keys"]:
        say("the encoder's files contain no masked-language head: the adaptation starts with a random one")
    return model


def _trainer(
    model: Any, tokenizer: Any, windows: list[dict[str, Any]], options: TrainingOptions, *, device: Device, folder: Path
) -> Any:
    from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

    kind = precision(device, options)
    longest = max(len(window["input_ids"]) for window in windows)
    parts = min(options.batch, -(-options.batch * longest // options.step_tokens))
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=options.adapt,
        per_device_train_batch_size=-(-options.batch // parts),
        gradient_accumulation_steps=parts,
        learning_rate=_RATE,
        weight_decay=options.weight_decay,
        warmup_steps=options.warmup,
        seed=options.seed,
        data_seed=options.seed,
        use_cpu=device.kind == "cpu",
        bf16=kind == "bf16",
        fp16=kind == "fp16",
        train_sampling_strategy="group_by_length",
        save_strategy="epoch",
        save_total_limit=1,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=device.kind == "cuda",
    )
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=_MASKED)
    return Trainer(model=model, args=arguments, train_dataset=windows, data_collator=collator)
