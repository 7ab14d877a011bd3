"""The label stage: a state for each of the 19 values, by routes that stand side by side.

card.py     labels.json: what a label model says of itself
encoder.py  the encoder route: a Hugging Face encoder with a linear head
routes.py   what a route is, and the table of them
stage.py    the stage
states.py   from probabilities to a state
"""

from valex_local.stages.labels.stage import LabelStage

__all__ = ["LabelStage"]
