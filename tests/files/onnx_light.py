"""The nine networks of ONNX's own suite, whose weights are constants, with seeded random weights instead.

python -m tests.files.onnx_light FILE     writes onnxruntime's answers, tests/references/onnx_light.json (needs onnxruntime)
"""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import tinyattr as ta
from tinyattr.files.onnx.file import read_graph
from tinyattr.files.onnx.network import Walk

NAMES = ("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512")
SHOWN = 6  # numbers of the logits, and of the inner layer, that are stored


def path_of(name):
    """The file of a network in the package onnx."""
    import onnx

    return Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / f"light_{name}.onnx"


def awake(name):
    """The graph of a network with random weights, as large as He et al. 2015 start from, and its random picture."""
    graph = read_graph(path_of(name).read_bytes(), None)
    rng, uses = np.random.default_rng(0), {i: (n.op, n.inputs.index(i)) for n in graph.nodes for i in n.inputs}
    constants = dict(graph.constants)
    for node in graph.nodes:
        if node.op == "ConstantOfShape":
            shape, (op, place) = tuple(constants[node.inputs[0]].tolist()), uses[node.outputs[0]]
            if op in ("Conv", "Gemm") and place == 1:
                w = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:])))
            elif (op, place) in (("BatchNormalization", 1), ("BatchNormalization", 4)):
                w = rng.uniform(0.5, 1.5, shape).astype(np.float32)
            else:
                w = 0.1 * rng.standard_normal(shape, np.float32)
            constants[node.outputs[0]] = w
    nodes = [n for n in graph.nodes if n.op != "ConstantOfShape"]
    return replace(graph, nodes=nodes, constants=constants), rng.standard_normal((1, 3, 224, 224), np.float32)


def inner(graph):
    """The value in the middle of the convolutions."""
    convolutions = [n.outputs[0] for n in graph.nodes if n.op == "Conv"]
    return convolutions[len(convolutions) // 2]


def shown(z, A):
    """What is stored of the logits (1, n) and of an inner layer (1, C, H, W)."""
    A = np.asarray(A, np.float64)
    return {"z": z[0, :SHOWN].tolist(), "z_norm": float(np.linalg.norm(z)), "A_shape": list(A.shape), "A_norm": float(np.linalg.norm(A)),
            "A": A[0, ::max(1, A.shape[1] // SHOWN), A.shape[2] // 2, A.shape[3] // 3].tolist()[:SHOWN]}


def ours(name):
    """The same of our network."""
    graph, x = awake(name)
    walk = Walk(graph, x.shape, np.dtype(np.float32))
    net = ta.network(*walk.network())
    tape = net.run(x.transpose(0, 2, 3, 1))
    value = walk.values[inner(graph)]
    return shown(net.logits(tape), tape[value.layer].output.ravel()[value.numbered()])


def onnxruntime(name):
    """The same by onnxruntime, on the same weights."""
    import onnx
    import onnxruntime as ort

    graph, x = awake(name)
    model = onnx.load(path_of(name))
    g = model.graph
    nodes = [n for n in g.node if n.op_type != "ConstantOfShape"]
    if nodes[-1].op_type == "Softmax":
        nodes.pop()
    model.ir_version = 8  # before 4, arrays had to be inputs, too
    del g.node[:], g.output[:], g.initializer[:]
    g.node.extend(nodes)
    for value in [value for value in g.input if value.name != graph.picture]:
        g.input.remove(value)
    read = {i for n in nodes for i in n.input}
    g.initializer.extend(onnx.numpy_helper.from_array(a, key) for key, a in graph.constants.items() if key in read)
    outputs = [nodes[-1].output[0], inner(graph)]
    g.output.extend(onnx.helper.make_tensor_value_info(o, onnx.TensorProto.FLOAT, None) for o in outputs)
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, f"{folder}/a.onnx", save_as_external_data=True)
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        z, A = ort.InferenceSession(f"{folder}/a.onnx", options, providers=["CPUExecutionProvider"]).run(outputs, {graph.picture: x})
    return shown(z.reshape(1, -1), A)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps({name: onnxruntime(name) for name in NAMES}, indent=1), encoding="utf-8")
