"""The grounding stage: whether the action lines of a script match the keyframes, and which keyframes they describe.

evidence.py         which keyframes an action line is compared with
reference_lines.py  the reference lines; the bundled ones are lines.toml
results.py          the parts of the record: lines, keyframes and counts
score.py            the scores, as functions of similarities
stage.py            the stage
vectors.py          vectors of action lines, and which lines a model cuts off
"""

from valex_local.stages.grounding.stage import GroundingStage

__all__ = ["GroundingStage"]
