"""The stage speakers: who speaks when, found in the sound alone.

engine.py            the interface of engines, and their table
embeddings.py        the engine of voice encoders: vectors of short windows, clustered
voice_encoder.py     the network that turns a window into a vector
clustering.py        which vectors are of one voice, and how many voices there are
frame_classifier.py  the engine of diarizers of transformers, which say for each frame who speaks
words.py             who says which words of a line
"""

from valex_local.stages.speakers.stage import SpeakersStage

__all__ = ["SpeakersStage"]
