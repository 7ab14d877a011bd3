"""The vision stage: what the keyframes show, from a CLIP model where the store has one.

clip.py        what an engine is, and the table of them
openclip.py    the engine open_clip
stage.py       the stage
tags.py        zero-shot tags
vocabulary.py  the vocabulary; ours is vocabulary.toml
"""

from valex_local.vision.stage import VisionStage

__all__ = ["VisionStage"]
