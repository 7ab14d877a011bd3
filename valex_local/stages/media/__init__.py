"""What a video holds: probe, sound, shots, keyframes."""

from valex_local.stages.media.stage import MediaStage

__all__ = ["MediaStage"]
