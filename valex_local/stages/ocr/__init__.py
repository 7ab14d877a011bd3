"""The ocr stage: on-screen text, with its place and time."""

from valex_local.stages.ocr.stage import OcrStage

__all__ = ["OcrStage"]
