"""The vision stage: what the keyframes show, from a CLIP model where the store has one, or a language model that sees.

captions.py      captions by a CoCa model
clip.py          what an engine is, and the table of them
llm_captions.py  captions by a language model; its prompt is prompts/caption.jinja
openclip.py      the engine open_clip
stage.py         the stage
tags.py          zero-shot tags
text_vectors.py  vectors of texts, kept in the store
vocabulary.py    the vocabulary; ours is vocabulary.toml
"""

from valex_local.stages.vision.stage import VisionStage

__all__ = ["VisionStage"]
