"""The vision stage: what keyframes show, by detectors, a CLIP model, or a language model that takes images.

blazeface.py      finds faces
boxes.py          boxes of detectors
captions.py       captions by a CoCa model
clip.py           the interface of CLIP engines, and their table
detected_tags.py  from what detectors found to tags
detectors.py      objects, faces and people in a picture
expressions.py    reads the expression of a face
llm_captions.py   captions by a language model; its prompt is prompts/caption.jinja
nanodet.py        finds objects
openclip.py       the CLIP engine open_clip
stage.py          the stage
tags.py           zero-shot tags
text_vectors.py   vectors of texts, cached in the store
vocabulary.py     the vocabulary of the tags; the default is vocabulary.toml
"""

from valex_local.stages.vision.stage import VisionStage

__all__ = ["VisionStage"]
