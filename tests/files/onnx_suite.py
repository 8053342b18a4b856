"""ONNX's own conformance cases, which the package onnx ships, run through our reader.

python -m tests.files.onnx_suite     prints how many cases passed, and why the others were not run
"""

import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from tinyattr.engine import Tape
from tinyattr.errors import InputError
from tinyattr.files.onnx.builder import Value
from tinyattr.files.onnx.constants import COMPUTED, MOVES
from tinyattr.files.onnx.file import read_graph
from tinyattr.files.onnx.network import Walk, _channels_last
from tinyattr.files.onnx.operators import OPERATORS
from tinyattr.nets.wiring import wired

NOT_READ = {  # what a case of an operator of ours may be refused for: words of the error -> why
    "only windows over rows and columns": "maps of one or three axes",
    "weights with 4 axes": "maps of one or three axes",
    "expected maps": "maps of one or three axes",
    "with dilation are not supported": "pools or transposed convolutions with dilation or groups",
    "output is larger than its windows": "transposed convolution larger than its windows",
    "nearest neighbour": "other interpolation", "no whole factors": "other interpolation", "no whole number": "other interpolation",
    "as they are": "interpolation over channels or pictures",
    "padding by": "padding that repeats the picture",
    "only maps": "padding of pictures of a batch",
    "after training": "training", "exported for training": "training",
    "pictures of a batch": "across the pictures of a batch",
    "depends on the picture; expected a constant": "products, quotients and powers of two values",
    "only its first output": "second outputs, as a pool's places",
    "exponent": "other powers", "softmax over all": "softmax over something else", "of a single number": "softmax over something else",
    "separate sigmoids": "sigmoids at the end", "supported is a product": "products, quotients and powers of two values", "does not fit": "constants that enlarge a value",
    "its input 0 is a constant": "products, quotients and powers of two values", "without a place of the map": "pool windows of padding alone",
    "whole numbers or booleans": "other types", "numbers of type": "other types", "opset": "opsets before 6",
    "this operator is not supported": "an operator that is not in our list", "inputs and": "several values that depend on the picture",
    "cannot be joined": "concatenation of pictures", "number of axes or pictures": "values that broadcast to more axes",
    "groups or dilation": "pools or transposed convolutions with dilation or groups", "fill an axis": "empty parts", "shape (5, 0)": "empty parts",
    "alpha = 1": "Swish with another alpha", "values of equal shapes": "maxima and minima with an array of constants",
    "one other input": "sums with constants", "it joins a constant": "concatenation with constants", "different numbers of axes": "values that broadcast to more axes",
}


def cases():
    """(name, model, [(inputs, outputs)], rtol, atol) of every case of one operator and every converted PyTorch case."""
    import onnx
    from onnx.backend.test.case.node import collect_testcases
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(collect_testcases(None))
    for case in found:
        yield case.name, case.model, case.data_sets, case.rtol, case.atol
    for kind in ("pytorch-converted", "pytorch-operator"):
        for case in load_model_tests(kind=kind):
            folder = Path(case.model_dir)
            sets = [tuple([_tensor(onnx, p) for p in sorted(data.glob(f"{which}_*.pb"))] for which in ("input", "output"))
                    for data in sorted(folder.glob("test_data_set_*"))]
            yield case.name, onnx.load(folder / "model.onnx"), sets, case.rtol, case.atol


def _tensor(onnx, path):
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return onnx.numpy_helper.to_array(tensor)


def result(model, inputs, output, picture=True):
    """An output as our layers make it of the first input, in the file's shape; all other inputs become constants.

    Without a picture all inputs are constants, and the output is what is computed at loading.
    """
    import onnx

    model, wanted = type(model).FromString(model.SerializeToString()), model.graph.output[output]
    del model.graph.output[:]
    model.graph.output.append(wanted)
    known = {t.name for t in model.graph.initializer}
    if not picture:
        model.graph.input.insert(0, onnx.helper.make_tensor_value_info("no picture", onnx.TensorProto.FLOAT, [1, 1]))
        inputs = [np.zeros((1, 1), "f4"), *inputs]
    given = [value.name for value in model.graph.input if value.name not in known]
    model.graph.initializer.extend(onnx.numpy_helper.from_array(np.asarray(a), name) for name, a in zip(given[1:], inputs[1:], strict=True))
    walk = Walk(read_graph(model.SerializeToString(), None), inputs[0].shape, np.dtype(np.float32))
    if any(node.op == "Sigmoid" for node in walk.graph.nodes):
        walk.closing = None  # here it is an activation
    for node in walk.graph.nodes:
        walk.read(node)
    value = walk.lookup(walk.graph.output)
    if not isinstance(value, Value):
        return value
    layers, weights = walk._needed(value.layer)
    tape = Tape()
    previous = tape.leaf("input", inputs[0] if _channels_last(walk.graph) else np.moveaxis(inputs[0], 1, -1))
    for name, op, read, own in wired(layers):
        if op == "constant":
            previous = tape.leaf(name, weights[name][0], "constant")
        else:
            previous = tape.write(op, name, read, weights.get(name, ()), **own)
    y = tape[previous].output.ravel()[value.numbered()]
    if not walk.taken_off:
        return y
    y = y.astype(np.float64)
    log_y = y - y.max(1, keepdims=True)
    log_y = log_y - np.log(np.exp(log_y).sum(1, keepdims=True))
    return np.exp(log_y) if walk.taken_off == "Softmax" else log_y


def ours(model):
    """Whether all operators of a model are in our lists."""
    return all(n.op_type in (*OPERATORS, *MOVES, *COMPUTED) and n.domain == "" for n in model.graph.node)


def run():
    """(passed, {why: names} of those not run, {name: what is wrong})."""
    passed, skipped, wrong = [], {}, {}

    for name, model, sets, rtol, atol in cases():
        inputs, outputs = sets[0] if sets else ((), ())
        if not ours(model):
            skipped.setdefault("an operator that is not in our list", []).append(name)
        elif not inputs or not all(isinstance(a, np.ndarray) for a in (*inputs, *outputs)):
            skipped.setdefault("no input that is an array", []).append(name)
        else:
            first = inputs[0]
            picture = first.ndim > 1 and first.dtype == np.float32 == outputs[0].dtype and 0 not in first.shape
            try:
                results = [result(model, inputs, i, picture) for i in range(len(outputs))]
            except InputError as error:
                why = next((why for words, why in NOT_READ.items() if words in str(error)), None)
                if why is None:
                    wrong[name] = str(error)
                else:
                    skipped.setdefault(why, []).append(name)
                continue
            different = [i for i, (y, expected) in enumerate(zip(results, outputs, strict=True))
                         if y.shape != expected.shape or not np.allclose(y, expected, rtol, max(atol, 1e-6))]
            if different:
                wrong[name] = f"outputs {different} are other numbers"
            else:
                passed.append(name)
    return passed, skipped, wrong


if __name__ == "__main__":
    passed, skipped, wrong = run()
    print(f"{len(passed)} passed, {sum(map(len, skipped.values()))} not run, {len(wrong)} wrong")
    for why, names in sorted(skipped.items(), key=lambda item: -len(item[1])):
        print(f"{len(names):5} {why}: {', '.join(names[:3])} ...")
    print(*(f"wrong: {item}" for item in wrong.items()), sep="\n")
    print(Counter(name.split("_")[1] for name in passed))
