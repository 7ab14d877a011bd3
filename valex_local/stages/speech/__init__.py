"""The speech stage: speech recognition, and filters that drop unreliable segments."""

from valex_local.stages.speech.stage import SpeechStage

__all__ = ["SpeechStage"]
