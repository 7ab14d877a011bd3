"""What a video holds: probe, sound, shots, keyframes."""

from valex_local.media.stage import MediaStage

__all__ = ["MediaStage"]
