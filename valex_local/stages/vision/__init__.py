"""The vision stage: tags and captions of keyframes, by a CLIP model or a language model that takes images.

captions.py      captions by a CoCa model
clip.py          the interface of engines, and the table of engines
llm_captions.py  captions by a language model; its prompt is prompts/caption.jinja
openclip.py      the engine open_clip
stage.py         the stage
tags.py          zero-shot tags
text_vectors.py  vectors of texts, cached in the store
vocabulary.py    the vocabulary; the default is vocabulary.toml
"""

from valex_local.stages.vision.stage import VisionStage

__all__ = ["VisionStage"]
