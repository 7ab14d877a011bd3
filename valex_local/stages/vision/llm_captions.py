"""Captions by a local language model that takes images: one keyframe at a time, without anything else of the post."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from valex_local.errors import ConfigError, ValexError
from valex_local.llm import ContextOverflow, LanguageModel, Message, Picture, load_language_model
from valex_local.llm.at_once import AtOnce
from valex_local.llm.base import object_schema
from valex_local.llm.prompt_template import PromptFile
from valex_local.records import Notice
from valex_local.settings import LlmCaptionSettings
from valex_local.stages.base import Context
from valex_local.stages.setting_files import setting_file
from valex_local.stages.vision.captions import one_sentence

MAX_LENGTH = 240
"""Maximum length of a caption, characters; the same as for an action line of a script."""

RETRY_TEMPERATURE = 0.6
"""Temperature of a second attempt: at temperature 0 another seed changes nothing."""

BLOCKS = ("system", "user")
"""Blocks that a prompt file must contain."""

Captioned = tuple[dict[str, str | None], tuple[Notice, ...]]
"""Captions of a post's keyframes, by id, and notices on them."""

_SCHEMA = object_schema({"caption": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH}})


class BadCaption(Exception):
    """An answer that is not a caption; the message says why."""


class LlmCaptioner:
    """Asks a language model what a keyframe shows.

    Parameters
    ----------
    model : LanguageModel
        A model that takes images; `close` closes it.
    prompt : PromptFile
        How to ask, in the blocks `BLOCKS`.
    settings : LlmCaptionSettings
        Limits, temperature and seed.
    requests : int
        Maximum number of questions at once, if the model takes several.

    Raises
    ------
    ConfigError
        The prompt uses an unknown name.
    """

    def __init__(
        self, model: LanguageModel, prompt: PromptFile, settings: LlmCaptionSettings, *, requests: int = 1
    ) -> None:
        self._system, self._asked = (prompt.block(name, {"length": MAX_LENGTH}) for name in BLOCKS)
        self._model = model
        self._settings = settings
        self._at_once = AtOnce(model, requests)
        self.batch_size = self._at_once.batch_size

    def write_all(self, posts: Sequence[Mapping[str, Picture]]) -> list[Captioned | ValexError]:
        """Return what `write` returns for each post, or the error, which concerns only this post."""
        return self._at_once(self._write_or_error, posts)

    def _write_or_error(self, pictures: Mapping[str, Picture]) -> Captioned | ValexError:
        try:
            return self.write(pictures)
        except ValexError as error:
            return error

    def write(self, pictures: Mapping[str, Picture]) -> Captioned:
        """Return a sentence about each keyframe.

        Parameters
        ----------
        pictures : mapping of str to Picture
            The keyframes of a post, by id.

        Returns
        -------
        captions : dict of str to str or None
            By id; None if two answers in a row were not captions.
        notices : tuple of Notice
            One for each None.

        Raises
        ------
        ContextOverflow
            A keyframe, the question and the answer exceed the context.
        ModelError
            The engine failed.
        """
        captions: dict[str, str | None] = {}
        notices = []
        for keyframe, picture in pictures.items():
            try:
                captions[keyframe] = self._caption(picture)
            except BadCaption as reason:
                captions[keyframe] = None
                notices.append(Notice(code="no-caption", text=f"the keyframe {keyframe} has no caption: {reason}"))
        return captions, tuple(notices)

    def _caption(self, picture: Picture) -> str:
        """Return a caption; if the first answer is not one, the model is asked once more."""
        try:
            return read_caption(self._answer(picture, attempt=0))
        except BadCaption:
            return read_caption(self._answer(picture, attempt=1))

    def _answer(self, picture: Picture, *, attempt: int) -> str:
        messages = (Message("system", self._system), Message("user", (picture, self._asked)))
        try:
            reply = self._model.chat(
                messages,
                schema=_SCHEMA,
                max_tokens=self._settings.max_tokens,
                temperature=max(self._settings.temperature, RETRY_TEMPERATURE if attempt else 0.0),
                seed=self._settings.seed + attempt,
            )
        except ContextOverflow as error:
            hint = "In the settings, raise vision.captions.llm.context, or lower its max_tokens or keyframe_side"
            raise ContextOverflow(error.what, hint=hint) from error
        return reply.text

    def close(self) -> None:
        """Free the model."""
        self._model.close()


def load_captioner(context: Context) -> LlmCaptioner:
    """Return a captioner with the model of the role ``llm``.

    Raises
    ------
    ConfigError
        The model takes no images, or the prompt file cannot be used.
    ModelError
        The model cannot be loaded.
    """
    stored, settings = context.models["llm"], context.settings.vision.captions.llm
    prompt = PromptFile(setting_file(context.settings, "vision", "captions", "llm", "prompt"), BLOCKS)
    model = load_language_model(stored, context.device, context=settings.context)
    try:
        if not model.sees:
            raise ConfigError(
                f"vision.captions.writer is llm, but the language model {stored.id} takes no images",
                hint="Set models.llm to one that does, or leave the setting out; see docs/language-models.md",
            )
        return LlmCaptioner(model, prompt, settings, requests=context.settings.work.requests)
    except ConfigError:
        model.close()
        raise


def read_caption(raw: str) -> str:
    """Return the caption in an answer, as one clean line.

    A caption that reaches the limit was cut off by it: it keeps its whole words and ends with an ellipsis.

    Parameters
    ----------
    raw : str
        The answer as the model wrote it.

    Raises
    ------
    BadCaption
        The answer is cut off, is not JSON of the requested form, or contains no words.
    """
    try:
        # Some grammars allow raw line breaks in strings; they are harmless there.
        data = json.loads(raw, strict=False)
    except (ValueError, RecursionError) as error:
        raise BadCaption("the answer is cut off or not JSON") from error
    match data:
        case {"caption": str(text)} if len(data) == 1:
            caption = one_sentence(_within_limit(text))
        case _:
            raise BadCaption("the answer does not have the requested form")
    if caption is None:
        raise BadCaption("the answer contains no words")
    return caption


def _within_limit(text: str) -> str:
    if len(text) < MAX_LENGTH or (len(text) == MAX_LENGTH and text.endswith((".", "!", "?"))):
        return text
    kept = text[: MAX_LENGTH - 1]
    return (kept.rpartition(" ")[0] or kept).rstrip(" ,;:.") + "…"
