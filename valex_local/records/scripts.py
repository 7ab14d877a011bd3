"""Scripts, and how well their lines match the keyframes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
)

from valex_local.records.base import CleanText, Part, Probability, Record, Rounded, Seconds
from valex_local.records.perception import Sound

# --- script -----------------------------------------------------------------------------------------------------------

SPEAKER = "SPEAKER"
"""Who speaks, where nothing is known of them."""


class PostLine(Part):
    """The text published with the video (evidence P1)."""

    kind: Literal["post"] = "post"
    ref: str = "P1"
    text: CleanText


class Dialogue(Part):
    """Speech. `ref` is the segment (None in imported scripts); `mumbled` marks speech that was recognised unsurely."""

    kind: Literal["dialogue"] = "dialogue"
    ref: str | None
    speaker: CleanText
    text: CleanText
    start: Seconds | None
    end: Seconds | None
    mumbled: bool = False


class OnScreenText(Part):
    """On-screen text. Where it repeats speech, `repeats` names the segment, and renderers show the words once."""

    kind: Literal["text"] = "text"
    ref: str | None
    text: CleanText
    start: Seconds | None
    end: Seconds | None
    repeats: str | None = None


class Action(Part):
    """A line that describes what is seen. `keyframes` are the ids of the keyframes it is based on."""

    kind: Literal["action"] = "action"
    text: CleanText
    keyframes: tuple[str, ...] = ()
    start: Seconds | None
    end: Seconds | None


Element = Annotated[PostLine | Dialogue | OnScreenText | Action, Field(discriminator="kind")]


class Scene(Part):
    """A part of a script in one place. `evidence` lists every P, S, T and K it was written from."""

    heading: CleanText | None = None
    start: Seconds | None
    end: Seconds | None
    elements: tuple[Element, ...] = ()
    evidence: tuple[str, ...] = ()
    written_by: Literal["template", "llm", "import"]


class ScriptFigures(Part):
    """How much of a language model's script had to be refused or repaired."""

    references_refused: int = 0
    references_restored: int = 0
    scenes_fallen_back: int = 0
    actions_refused: int = 0
    actions_without_keyframes: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0


class Script(Record):
    """A screenplay of the post (script.<name>.json)."""

    name: str
    genre: CleanText | None = None
    language: str | None = None
    sound: Sound | None = None
    scenes: tuple[Scene, ...] = ()
    figures: ScriptFigures = ScriptFigures()


# --- grounding --------------------------------------------------------------------------------------------------------


class GroundedLine(Part):
    """How well an action line fits its keyframes, compared with the reference lines.

    Attributes
    ----------
    scene, element : int
        Number of the scene in the script, and of the element in the scene, both counted from 1.
    rests_on : {"named", "time", "video"}
        Which keyframes the line is compared with: those it names; if it names none, those within its time, or within
        the time of its scene; if no times are known, all keyframes of the video.
    keyframes : tuple of str
        Ids of these keyframes.
    best : str
        Id of the keyframe that fits best.
    similarity : float
        Cosine similarity of the line's vector and that of `best`.
    percentile : float
        Fraction of the reference lines that fit these keyframes less well.
    z : float
        The similarity in standard deviations above the mean of the reference lines; 0 where all of them are equal.
    below_chance : bool
        Whether the percentile is below the threshold.
    """

    scene: int = Field(ge=1)
    element: int = Field(ge=1)
    rests_on: Literal["named", "time", "video"]
    keyframes: tuple[str, ...] = Field(min_length=1)
    best: str
    similarity: Rounded
    percentile: Probability
    z: Rounded
    below_chance: bool


class GroundedKeyframe(Part):
    """Whether the action lines of a script describe a keyframe.

    `lines` is the number of action lines compared with it. `above_chance` is the probability that the best of as many
    reference lines fits it less well than the best of them; None without any. `spoken_of` is true if that probability
    reaches the threshold.
    """

    keyframe: str
    lines: int
    above_chance: Probability | None = None
    spoken_of: bool = False


class NamedThing(Part):
    """A thing of a class that detectors know, or an expression of a face, named by an action line.

    Attributes
    ----------
    scene, element : int
        Number of the scene in the script, and of the element in the scene, both counted from 1.
    kind : {"thing", "expression"}
        Which of them it is. An expression is only compared where one was read from a face in the line's keyframes.
    name, word : str
        The class or the expression, and the word of the line.
    keyframe : str or None
        Id of the line's keyframe that shows it most surely; None where no keyframe of the line shows it.
    score : float or None
        How surely, for an expression that of the face.
    number : int or None
        How many people there are, where the line says so.
    counted : int or None
        The number of people in one of the line's keyframes, of all of them the nearest to `number`.
    """

    scene: int = Field(ge=1)
    element: int = Field(ge=1)
    kind: Literal["thing", "expression"] = "thing"
    name: CleanText
    word: CleanText
    keyframe: str | None = None
    score: Probability | None = None
    number: int | None = Field(default=None, ge=1)
    counted: int | None = Field(default=None, ge=0)


class GroundingFigures(Part):
    """How much of a script's action the keyframes show, and how many keyframes the action describes.

    Attributes
    ----------
    lines, below_chance, without_keyframes : int
        Number of action lines; of those below the threshold; of those that name no keyframe.
    mean_percentile : float or None
        Mean over the lines; reference lines have 0.5 on average.
    keyframes, spoken_of : int
        Number of keyframes, without a CLIP model only of those in which a known thing was found; of those that the
        action lines describe.
    things, things_not_found : int
        Number of things of known classes that lines name; of those that no detector found in the line's keyframes.
    numbers, numbers_differ : int
        Number of lines that say how many people there are; of those that differ from the count in each keyframe.
    expressions, expressions_differ : int
        Number of expressions that were compared; of those that no face in the line's keyframes had.
    """

    lines: int = 0
    below_chance: int = 0
    without_keyframes: int = 0
    mean_percentile: Probability | None = None
    keyframes: int = 0
    spoken_of: int = 0
    things: int = 0
    things_not_found: int = 0
    numbers: int = 0
    numbers_differ: int = 0
    expressions: int = 0
    expressions_differ: int = 0


class Grounding(Record):
    """Whether the action lines of a script match its keyframes (grounding.<script>.json).

    `chance_lines` is the number of reference lines; 0 without a CLIP model, and `lines` is then empty. `things` are
    what lines name of all that detectors know, where these looked.
    """

    script: str
    chance_lines: int = 0
    lines: tuple[GroundedLine, ...] = ()
    keyframes: tuple[GroundedKeyframe, ...] = ()
    things: tuple[NamedThing, ...] = ()
    figures: GroundingFigures = GroundingFigures()

    @property
    def by_detections(self) -> bool:
        """Whether keyframes count as mentioned by what detectors found in them, since there was no CLIP model."""
        return self.skipped is None and not self.chance_lines and self.figures.mean_percentile is None
