"""The lines on which a label model's probabilities rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.labels.talk import script
from tests.stages.labels.tiny import WORDS, save_encoder, save_model
from valex_local.corpus import Text
from valex_local.records import ValueLabel
from valex_local.rendering.paper import LineSpan
from valex_local.schwartz import CIRCLE, Polarity
from valex_local.settings import EncoderSettings, LabelSettings, Settings
from valex_local.stages.base import Context
from valex_local.stages.labels.encoder import EncoderRoute
from valex_local.stages.labels.evidence import CHECKED, LEAST, NAMED, named, scores_and_evidence
from valex_local.stages.labels.lines import LinedText, lined_script, lined_text
from valex_local.stages.labels.model import LabelModel
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.stages.variants import label_settings
from valex_local.store import StoredModel
from valex_local.system.devices import Device

CPU = Device("cpu", 2)

rows = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
texts = st.lists(rows, min_size=1, max_size=12).map("\n".join).map(lambda text: lined_text(Text("one", text)))


@pytest.fixture(scope="module")
def model(tiny: StoredModel) -> LabelModel:
    return LabelModel(tiny.folder, device=CPU)


def plain(*lines: str) -> LinedText:
    return lined_text(Text("one", "\n".join(lines)))


def spans(text: LinedText) -> list[tuple[int, int]]:
    return [(line.start, line.end) for line in text.lines]


def encoder(folder: Path, **changes: object) -> TextEncoder:
    options: dict[str, object] = {"pooling": "mean", "normalise": False, "window": 32, "overlap": 8, "device": CPU}
    return TextEncoder(folder, **(options | changes))


# --- what lines contribute ------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(texts)
def test_what_lines_contribute_sums_to_the_logits(model: LabelModel, text: LinedText):
    """A window's vector is the mean of its tokens, so lines and the tokens of no line share its logits exactly."""
    import torch

    (found,) = model._encoder.vectors_by_line([(text.text, spans(text))])
    windows = model._encoder._windows(text.text, spans(text))
    for window, vector, without in zip(windows, found.vectors, found.without, strict=True):
        ids = window.ids
        tokens = model._encoder.states(*model._encoder.padded([ids]))[0].detach()
        shares = [tokens[[at == line for at in window.lines]].sum(0) / len(ids) for line in without.lines]
        rest = tokens[[at == -1 for at in window.lines]].sum(0) / len(ids)
        logits = torch.stack([*shares, rest]) @ model._weight.T
        assert torch.allclose(logits.sum(0), model._logits(vector) - model._bias, atol=1e-4)
        for share, line, rests in zip(shares, without.lines, without.vectors, strict=True):
            outside = len(ids) - window.lines.count(line)
            assert torch.allclose(share + rests * outside / len(ids), vector, atol=1e-4)


@settings(max_examples=25)
@given(st.lists(texts, min_size=1, max_size=5))
def test_evidence_is_in_the_text_and_changes_no_probability(model: LabelModel, batch: list[LinedText]):
    found = scores_and_evidence(model, batch, "lines")
    assert [scores for scores, _ in found] == model.scores([text.text for text in batch])
    for text, (_, evidence) in zip(batch, found, strict=True):
        assert evidence.keys() == model.card.rows.keys()
        for ids in evidence.values():
            assert len(set(ids)) == len(ids) <= NAMED
            assert set(ids) <= {line.id for line in text.lines}


@pytest.mark.parametrize("way", ["lines", "checked"])
def test_the_texts_beside_change_nothing(model: LabelModel, way: str):
    batch = [plain(*(" ".join(WORDS[(i * n + n) % 15] for i in range(1 + n)) for n in range(k))) for k in (3, 12, 1, 7)]
    together = scores_and_evidence(model, batch, way)
    assert scores_and_evidence(model, batch[::-1], way) == together[::-1]
    assert [scores_and_evidence(model, [text], way)[0] for text in batch] == together


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_long_texts_and_other_ways_of_pooling(tmp_path: Path, pool: str):
    import torch

    folder = save_model(tmp_path / "model", pool_windows=pool, window=16, overlap=4, normalise=True).folder
    made = LabelModel(folder, device=CPU)
    text = plain(*(" ".join(WORDS[(i * n) % 15] for i in range(6)) for n in range(1, 9)))
    (found,) = made.scores_by_line([text])
    assert found.scores.windows > 1
    for output, logit in found.scores.logits.items():
        assert torch.sigmoid(torch.tensor(logit)).item() == pytest.approx(found.scores.probabilities[output], abs=1e-6)
        assert len(found.effects[output]) == len(text.lines)
        assert any(found.effects[output])


def test_a_line_longer_than_a_window_can_be_left_out(model: LabelModel):
    text = plain(" ".join(WORDS[i % 15] for i in range(200)), "help")
    (found,) = model.scores_by_line([text])
    assert all(raised[0] != 0 for raised in found.effects.values())


# --- lines read again -----------------------------------------------------------------------------------------------


def test_a_checked_line_lowers_the_logit_more_than_any_other(model: LabelModel):
    batch = [plain(*(" ".join(WORDS[(i * k + n) % 15] for i in range(5)) for n in range(k))) for k in range(1, CHECKED)]
    for text, (scores, evidence) in zip(batch, scores_and_evidence(model, batch, "checked"), strict=True):
        without = model.scores([text.without(line) for line in text.lines])
        for output, ids in evidence.items():
            lowered = [scores.logits[output] - found.logits[output] for found in without]
            at = [line.id for line in text.lines].index(ids[0]) if ids else None
            assert at == (lowered.index(max(lowered)) if max(lowered) >= LEAST else None)


def test_long_texts_are_read_again_a_bounded_number_of_times(model: LabelModel, monkeypatch: pytest.MonkeyPatch):
    read: list[int] = []
    scores = model.scores
    monkeypatch.setattr(model, "scores", lambda again: read.append(len(again)) or scores(again))
    scores_and_evidence(model, [plain(*(f"the {word} sat" for word in WORDS * 4))], "checked")
    assert read == [CHECKED]


def test_a_model_of_the_first_token_names_lines_only_if_they_are_checked(tmp_path: Path):
    made = LabelModel(save_model(tmp_path / "model", pooling="cls").folder, device=CPU)
    text = plain("the cat sat", "zebra zebra help", "it rained")
    ((_, lines),), ((_, checked),) = (scores_and_evidence(made, [text], way) for way in ("lines", "checked"))
    assert not any(lines.values())
    assert any(checked.values())
    stored = save_model(tmp_path / "stored", pooling="cls")
    (said,), (silent,) = (route(stored, evidence=way)([text]) for way in ("lines", "checked"))
    assert [notice.code for notice in said.notices] == ["no-evidence"]
    assert silent.notices == ()


@pytest.mark.parametrize("way", ["lines", "checked"])
def test_in_8_bits(tmp_path: Path, way: str):
    folder = save_model(tmp_path / "model").folder
    save_encoder(folder, spread=0.1)
    text = plain("the cat sat on the mat", "zebra zebra help", "then it rained and it rained")
    exact, small = (
        scores_and_evidence(LabelModel(folder, device=CPU, int8=int8), [text], way)[0][1] for int8 in (False, True)
    )
    same = sum(exact[output][:1] == small[output][:1] for output in exact)
    assert same >= 0.7 * len(exact)


def test_what_is_named():
    lines = [LineSpan(name, 0, 0) for name in ("S1", "S2", "T1", "S2", "L5")]
    assert named([0.1, 0.5, 0.3, 0.4, 0.26], lines) == ("S2", "T1", "L5")
    assert named([0.9, 0.1, 0.2, 0.1, 0.1], lines) == ("S1",)
    assert named([0.0, -1.0, LEAST / 2, 0.0, 0.0], lines) == ()
    assert named([], []) == ()


# --- tokens and lines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["byte", "metaspace"])
def test_tokens_that_begin_with_the_space_before_a_word_are_in_its_line(tmp_path: Path, kind: str):
    """Tokenizers of RoBERTa and XLM-RoBERTa join a word with what is before it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    parts = {
        "byte": (pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()),
        "metaspace": (pre_tokenizers.Metaspace(), decoders.Metaspace()),
    }
    made = Tokenizer(models.BPE(unk_token="[UNK]"))
    made.pre_tokenizer, made.decoder = parts[kind]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["[PAD]", "[UNK]"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    made.train_from_iterator([" ".join(WORDS)], trainer)
    folder = save_encoder(tmp_path / "encoder", vocab_size=300)
    PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    text = plain("the cat", "sat on", "", "the mat")
    (window,) = encoder(folder)._windows(text.text, spans(text))
    words = [[] for _ in text.lines]
    for token, line in zip(window.ids, window.lines, strict=True):
        if line >= 0:
            words[line].append(token)
    decoded = [made.decode(ids).strip() for ids in words]
    assert decoded == ["the cat", "sat on", "the mat"]


# --- labels ---------------------------------------------------------------------------------------------------------


def route(stored: StoredModel, **encoder: str) -> EncoderRoute:
    settings = Settings(labels=LabelSettings(encoder=EncoderSettings(**encoder)))
    return EncoderRoute(Context(settings, {"labels": stored}, CPU, "template.encoder"))


def test_labels_hold_logits_and_the_evidence_of_what_was_assessed(tiny: StoredModel):
    (result,) = route(tiny)([lined_script(script("the cat sat", "zebra help", screen=["it rained"], post="win"))])
    shown = {"P1", "S1", "S2", "T1", "H1", "L5"} | {f"L{n}" for n in range(1, 9)}
    for label in result.values[:5]:
        assert label.present is not None
        assert label.present_logit is not None
        assert label.present == pytest.approx(1 / (1 + 2.718281828**-label.present_logit), abs=1e-3)
        assert set(label.evidence) <= shown
    assert any(label.evidence for label in result.values[:5])
    for label in result.values[5:]:
        assert label == ValueLabel(value=label.value)


def test_evidence_is_kept_for_both_polarities(model: LabelModel):
    (found,) = model.scores_by_line([plain("the cat sat", "zebra help")])
    for value in CIRCLE[:4]:
        label = model.labels(found.scores, {(value, p): (p.value,) for p in Polarity})[CIRCLE.index(value)]
        assert (label.evidence, label.conflicted_evidence) == (("present",), ("conflicted",))


def test_evidence_can_be_left_out(tiny: StoredModel):
    text = plain("the cat sat", "zebra help")
    (off,), (lines,) = (route(tiny, evidence=way)([text]) for way in ("off", "lines"))
    assert not any(label.evidence for label in off.values)
    without = {"evidence": (), "conflicted_evidence": ()}
    assert off.values == tuple(label.model_copy(update=without) for label in lines.values)


def test_labels_made_before_there_was_evidence_stay_current():
    def read(**encoder: str) -> dict[str, object]:
        return label_settings(Settings(labels=LabelSettings(encoder=EncoderSettings(**encoder))), "template.encoder")

    assert "encoder" not in read()
    assert read(evidence="checked")["encoder"] == {"evidence": "checked"}
    assert "encoder" not in label_settings(
        Settings(labels=LabelSettings(encoder=EncoderSettings(evidence="checked"))), "template.fewshot"
    )


# --- the bundled model ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("way", "expected"), [("lines", 0.6), ("checked", 0.95)])
def test_without_the_named_line_a_value_is_less_probable_than_without_another(
    stored_model: Callable[[str], StoredModel], way: str, expected: float
):
    """The share of called values whose named line lowers the probability by more than other lines do on average."""
    stored = stored_model("minilm-arguments")
    model = LabelModel(stored.folder, requires=stored.requires, device=CPU)
    talks = [lined_script(script(*said, screen=["part two", "follow for more"])) for said in TALKS]
    won = []
    for text, (scores, evidence) in zip(talks, scores_and_evidence(model, talks, way), strict=True):
        without = model.scores([text.without(line) for line in text.lines])
        for output, ids in evidence.items():
            if scores.probabilities[output] >= model.card.rows[output].threshold:
                lowered = [scores.probabilities[output] - found.probabilities[output] for found in without]
                won.append(bool(ids) and _more_than_others(lowered, [line.id for line in text.lines].index(ids[0])))
    assert len(won) > 20
    assert sum(won) / len(won) >= expected


def _more_than_others(lowered: Sequence[float], at: int) -> bool:
    others = [*lowered[:at], *lowered[at + 1 :]]
    return lowered[at] > sum(others) / len(others)


TALKS = (
    (
        "So I went down to the lake this morning.",
        "We must keep the rivers clean, because animals and plants have as much right to live as we do.",
        "Anyway, it was about nine o'clock.",
        "My grandmother taught me to keep the customs of our village.",
    ),
    (
        "Hi everyone, welcome back.",
        "The state should protect its citizens from violence and keep the streets safe.",
        "Let me move the camera a little.",
        "Everybody has to obey the law, no exceptions.",
        "See you next week.",
    ),
    (
        "This is the second part.",
        "I worked for years to become the best in my class, and now I won.",
        "I bought a big house and a fast car, so people finally respect my money.",
        "The shoes are in the hallway.",
    ),
    (
        "Okay, here is what happened on the bus.",
        "I think for myself, and nobody tells me what to believe.",
        "We took the second exit.",
        "People of all religions and colours deserve the same respect.",
    ),
)
