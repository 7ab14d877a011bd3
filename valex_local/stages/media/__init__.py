"""The media stage: container and track facts, audio, shots and keyframes."""

from valex_local.stages.media.stage import MediaStage

__all__ = ["MediaStage"]
