"""PP-OCR detectors and recognisers through rapidocr and ONNX Runtime, on the CPU."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from valex_local.errors import MissingExtra, ModelError
from valex_local.records import Box
from valex_local.stages.ocr.engines import Reading
from valex_local.stages.onnx_session import load_session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.settings import OcrSettings
    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

DETECTOR = "PP-OCRv6_det_small.onnx"
RECOGNISER = "PP-OCRv6_rec_small.onnx"

SCRIPTS = "Latin CJK Hiragana Katakana"
"""Scripts in whose words `RECOGNISER` can be trusted, as the first words of Unicode names. It also knows the Greek
letters of formulas, which have no accents."""

SURE = 0.9
"""Confidence from which a line is not tried upside down, and that the other way up needs to be taken instead."""

DENSITY = 0.4
"""Minimum letters and digits per line height. Upright Latin text has 1.2 to 2; a reading of a script that the
recogniser does not know skips most letters."""

LINE = 3.0
"""Minimum ratio of length to height from which what cannot be read is taken for text. Shorter finds are often none."""

FOUND = 0.75
"""Minimum confidence of the detector in text that cannot be read."""


class RapidOcrEngine:
    """Finds lines of text and reads them.

    The model's options `detector` and `recogniser` name its files if they are not `DETECTOR` and `RECOGNISER`. The
    models are so small that they run on the CPU whatever the device. `scripts` names the scripts that another
    recogniser reads; without it, all its characters count. A line that is not read surely is also tried upside down.

    Parameters
    ----------
    model : StoredModel
        The folder of the ONNX files.
    settings : OcrSettings
        The longest side of the detector's input, pixels, and the confidence below which nothing counts as read.
    device : Device
        Of which the number of threads is used.

    Raises
    ------
    ModelError
        A file is missing or is not an ONNX model, or the recogniser lacks the list of its characters.
    MissingExtra
        rapidocr is not installed.
    """

    def __init__(self, model: StoredModel, settings: OcrSettings, device: Device) -> None:
        detector = model.folder / str(model.options.get("detector", DETECTOR))
        recogniser = model.folder / str(model.options.get("recogniser", RECOGNISER))
        for path in (detector, recogniser):
            if not path.is_file():
                raise ModelError("a file of the OCR model is missing", path=path, hint="Install the model again")
        try:
            from omegaconf import flag_override
            from rapidocr import RapidOCR
        except ModuleNotFoundError as error:
            raise MissingExtra("rapidocr", "all") from error
        finder, reader = (load_session(path, device.threads) for path in (detector, recogniser))
        if "character" not in reader.get_modelmeta().custom_metadata_map:
            raise ModelError(
                "the recogniser does not include the list of its characters",
                path=recogniser,
                hint="Use a recognition model that was exported for rapidocr",
            )
        known = str(model.options.get("scripts", SCRIPTS if recogniser.name == RECOGNISER else ""))
        self._scripts = frozenset(known.upper().split())
        self._least = settings.min_confidence
        self._ocr: Any = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,
                "Global.text_score": 0.0,
                "Det.limit_type": "max",
                "Det.limit_side_len": settings.max_side,
                # In a batch all lines are padded to the widest, which costs time and changes the readings.
                "Rec.rec_batch_num": 1,
            }
        )
        # Passing loaded sessions keeps rapidocr from looking for or downloading models, and keeps the options above.
        with flag_override(self._ocr.cfg, "allow_objects", True):
            self._ocr.cfg.Det.session = finder
            self._ocr.cfg.Rec.session = reader
        self._warm_up()

    def _warm_up(self) -> None:
        """Initialise everything now; rapidocr would do so on the first frame that needs it."""
        import numpy as np

        blank = np.zeros((48, 320, 3), np.uint8)
        self._ocr(blank, use_det=False, use_rec=True)
        self._ocr(blank, use_det=True, use_rec=True)

    def read(self, rgb: NDArray[np.uint8]) -> list[Reading]:
        """Return the readings of a frame of shape (height, width, 3), lines from top to bottom.

        What is certainly text but cannot be read is a reading without text, whose confidence is the detector's.
        """
        import numpy as np
        from rapidocr.utils.process_img import map_boxes_to_original

        height, width = rgb.shape[:2]
        picture, scaling = self._ocr.preprocess_img(np.ascontiguousarray(rgb[:, :, ::-1]))
        # The steps one by one, because a call leaves out the boxes that nothing was read in.
        found, _, lines, crops = self._ocr.run_ocr_steps(picture, scaling)
        if found.boxes is None or lines.txts is None:
            return []
        quads = map_boxes_to_original(found.boxes, scaling, height, width)
        readings = []
        for quad, found_score, read, read_score, crop in zip(
            quads, found.scores, lines.txts, lines.scores, crops, strict=True
        ):
            box = _box(quad, width, height)
            text, score = self._better_way_up(read.strip(), float(read_score), crop)
            length = crop.shape[1] / max(1, crop.shape[0])
            if score >= self._least and self._is_readable(text, length):
                readings.append(Reading(text, box, min(1.0, max(0.0, score))))
            elif length >= LINE and found_score >= FOUND:
                readings.append(Reading("", box, min(1.0, float(found_score))))
        return readings

    def _better_way_up(self, text: str, score: float, crop: NDArray[np.uint8]) -> tuple[str, float]:
        """Return the reading of a line, or the one upside down if only that is sure."""
        length = crop.shape[1] / max(1, crop.shape[0])
        if score >= SURE and self._is_readable(text, length):
            return text, score
        turned = self._ocr.recognize_txt([crop[::-1, ::-1].copy()])
        turned_text, turned_score = turned.txts[0].strip(), float(turned.scores[0])
        if turned_score >= SURE and turned_score > score and self._is_readable(turned_text, length):
            return turned_text, turned_score
        return text, score

    def _is_readable(self, text: str, length: float) -> bool:
        """Return whether a reading accounts for a line of this length, in line heights, in scripts of the model."""
        signs = sum(c.isalnum() for c in text)
        return signs >= max(1.0, DENSITY * length) and not (
            self._scripts and any(_is_foreign(word, self._scripts) for word in text.split())
        )

    def close(self) -> None:
        """Free the models."""
        self._ocr = None


def _is_foreign(word: str, scripts: frozenset[str]) -> bool:
    """Return whether a word has two or more letters of another script. A single one may be a symbol."""
    letters = (
        unicodedata.name(c, "").replace("-", " ").split(" ")[0] for c in word if unicodedata.category(c)[0] == "L"
    )
    neutral = ("FULLWIDTH", "HALFWIDTH", "FEMININE", "MASCULINE", "MICRO", "MODIFIER", "IDEOGRAPHIC")
    return sum(name not in scripts and name not in neutral for name in letters) >= 2


def _box(quad: NDArray[np.float32], width: int, height: int) -> Box:
    """Return the upright bounding box of four corners in pixels, as fractions."""
    left, top = (float(v) for v in quad.min(axis=0))
    right, bottom = (float(v) for v in quad.max(axis=0))
    left, right = (min(1.0, max(0.0, x / width)) for x in (left, right))
    top, bottom = (min(1.0, max(0.0, y / height)) for y in (top, bottom))
    return Box(left=left, top=top, width=right - left, height=bottom - top)
