"""On-screen text: what was written on the picture, where, and from when to when."""

from valex_local.stages.ocr.stage import OcrStage

__all__ = ["OcrStage"]
