"""Writes ONNX's own backend tests as files that main.ts reads: models, and inputs and outputs as float64.

The tests of the `onnx` package hand most operators their weights at run time. Of every model with several inputs there
is therefore a second form, in which all inputs but the first are initialisers with the values of the test.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.loader import DATA_DIR

# Whole models that older versions of PyTorch exported, and small ones that the package carries as files.
FOLDERS = ["pytorch-converted", "pytorch-operator", "simple"]


def node_cases():
    for case in collect_testcases():
        if case.model is not None and case.data_sets:
            inputs, outputs = case.data_sets[0]
            yield case.name, "node", case.model, inputs, outputs, case.rtol, case.atol


def file_cases():
    for folder in FOLDERS:
        for directory in sorted((Path(DATA_DIR) / folder).iterdir()):
            data = directory / "test_data_set_0"
            if not data.is_dir():
                continue
            model = onnx.load(directory / "model.onnx")
            try:
                inputs, outputs = [
                    [read_tensor(data / f"{kind}_{i}.pb") for i in range(len(list(data.glob(f"{kind}_*.pb"))))]
                    for kind in ("input", "output")
                ]
            except Exception:  # sequences and optional values, which are no tensors
                inputs, outputs = [None], [None]
            yield directory.name, folder, model, inputs, outputs, 1e-3, 1e-7


# What rounding the output to a narrow type may lose, relatively.
ROUNDING = {"bfloat16": 2**-8, "float16": 2**-11}


def rounding(outputs):
    return max((ROUNDING.get(str(getattr(value, "dtype", "")), 0) for value in outputs), default=0)


def read_tensor(path):
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(tensor)


def numbers(value):
    """The numbers of a tensor as float64; None for anything else."""
    if not isinstance(value, (numpy.ndarray, numpy.generic)):
        return None
    try:
        array = numpy.asarray(value)
        return None if array.dtype.kind in "OSUc" else numpy.ascontiguousarray(array, dtype="<f8").reshape(array.shape)
    except (TypeError, ValueError):
        return None


def with_constants(model, values):
    """The model with every input but the first as an initialiser; None where that cannot be said."""
    constants = onnx.ModelProto()
    constants.CopyFrom(model)
    for declared, value in list(zip(model.graph.input, values))[1:]:
        try:
            tensor = numpy_helper.from_array(numpy.asarray(value), declared.name)
        except Exception:  # sequences, optional values
            return None
        tensor.data_type = declared.type.tensor_type.elem_type
        constants.graph.initializer.append(tensor)
    del constants.graph.input[1:]
    return constants


def main(target):
    target.mkdir(parents=True, exist_ok=True)
    cases = []
    with open(target / "data.bin", "wb") as data:

        def store(values):
            stored = []
            for value in values:
                array = numbers(value)
                if array is None:
                    return None
                stored.append({"at": data.tell() // 8, "shape": list(array.shape)})
                data.write(array.tobytes())
            return stored

        for name, suite, model, inputs, outputs, rtol, atol in [*node_cases(), *file_cases()]:
            (target / f"{name}.onnx").write_bytes(model.SerializeToString())
            constants = with_constants(model, inputs) if len(model.graph.input) > 1 else None
            if constants is not None:
                (target / f"{name}.constants.onnx").write_bytes(constants.SerializeToString())
            cases.append(
                {
                    "name": name,
                    "suite": suite,
                    "operators": sorted({f"{n.domain}.{n.op_type}".lstrip(".") for n in model.graph.node}),
                    "inputNames": [declared.name for declared in model.graph.input],
                    "inputs": store(inputs),
                    "outputs": store(outputs),
                    "constants": constants is not None,
                    "rtol": rtol + rounding(outputs),
                    "atol": atol,
                }
            )
    document = {"onnx": onnx.__version__, "cases": cases}
    (target / "cases.json").write_text(json.dumps(document, indent=1))
    print(f"{len(cases)} cases of onnx {onnx.__version__} in {target}")


warnings.simplefilter("ignore")
main(Path(sys.argv[1]))
