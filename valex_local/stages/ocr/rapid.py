"""PP-OCR detectors and recognisers through rapidocr and ONNX Runtime, on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.errors import MissingExtra, ModelError
from valex_local.records import Box
from valex_local.stages.ocr.engines import Reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.settings import OcrSettings
    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

DETECTOR = "PP-OCRv6_det_small.onnx"
RECOGNISER = "PP-OCRv6_rec_small.onnx"


class RapidOcrEngine:
    """Finds lines of text and reads them.

    The model's options `detector` and `recogniser` name its files if they are not `DETECTOR` and `RECOGNISER`. The
    models are so small that they run on the CPU whatever the device. Text is taken to be upright: lines are never
    rotated to be read upside down.

    Parameters
    ----------
    model : StoredModel
        The folder of the ONNX files.
    settings : OcrSettings
        Of which `max_side` is used: the longest side of the detector's input, pixels.
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
        finder, reader = (_load(path, device.threads) for path in (detector, recogniser))
        if "character" not in reader.get_modelmeta().custom_metadata_map:
            raise ModelError(
                "the recogniser does not include the list of its characters",
                path=recogniser,
                hint="Use a recognition model that was exported for rapidocr",
            )
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
        """Return the readings of a frame of shape (height, width, 3), lines from top to bottom."""
        import numpy as np

        height, width = rgb.shape[:2]
        bgr = np.ascontiguousarray(rgb[:, :, ::-1])
        result = self._ocr(bgr, use_det=True, use_rec=True)
        if getattr(result, "boxes", None) is None or result.txts is None:
            return []
        return [
            Reading(text.strip(), _box(quad, width, height), min(1.0, max(0.0, float(score))))
            for quad, text, score in zip(result.boxes, result.txts, result.scores, strict=True)
        ]

    def close(self) -> None:
        """Free the models."""
        self._ocr = None


def _load(path: Path, threads: int) -> Any:
    """Return the session of an ONNX model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    # Frames differ in shape, so a memory arena would only grow. Threads that spin while waiting double the CPU time.
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError("ONNX Runtime cannot load this model", path=path, hint="Install the model again") from error


def _box(quad: NDArray[np.float32], width: int, height: int) -> Box:
    """Return the upright bounding box of four corners in pixels, as fractions."""
    left, top = (float(v) for v in quad.min(axis=0))
    right, bottom = (float(v) for v in quad.max(axis=0))
    left, right = (min(1.0, max(0.0, x / width)) for x in (left, right))
    top, bottom = (min(1.0, max(0.0, y / height)) for y in (top, bottom))
    return Box(left=left, top=top, width=right - left, height=bottom - top)
