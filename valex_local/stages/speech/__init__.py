"""What was said: speech recognition, and what of it counts."""

from valex_local.stages.speech.stage import SpeechStage

__all__ = ["SpeechStage"]
