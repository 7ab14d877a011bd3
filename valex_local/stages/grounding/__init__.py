"""The grounding stage: do the action lines of a script match the keyframes, and which keyframes does it speak of.

chance_lines.py  the lines that chance is made of; ours are lines.toml
check.py         what the records of a study say together
evidence.py      which keyframes an action line is held against
results.py       lines, keyframes and their counts, as a record has them
score.py         the figures, as functions of similarities
stage.py         the stage
vectors.py       vectors of action lines, and which of them a model cuts short
"""

from valex_local.stages.grounding.stage import GroundingStage

__all__ = ["GroundingStage"]
