"""ONNX models on the processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from valex_local.errors import ModelError


def load_session(path: Path, threads: int) -> Any:
    """Return an ONNX model, loaded into ONNX Runtime.

    Parameters
    ----------
    path : Path
        The file.
    threads : int
        Number of threads.

    Raises
    ------
    ModelError
        The file is no ONNX model.
    """
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
    except Exception as error:  # ONNX Runtime has no class that all its errors belong to
        raise ModelError("ONNX Runtime cannot load this model", path=path, hint="Install the model again") from error
