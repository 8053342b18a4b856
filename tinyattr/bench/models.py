"""The same network, with the same weights, in other libraries if they are installed."""

from functools import cache, partial
from importlib import import_module
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

import numpy as np

from tinyattr.engine.windows import pair

LAYOUTS = {"contiguous": "contiguous_format", "channels_last": "channels_last"}  # {memory layout: PyTorch's name of it}


@cache
def library(name):
    """Return a library, or None if it is missing or broken."""
    try:
        return import_module(name)
    except (ImportError, RuntimeError, OSError):
        return None


MODULES = {  # {op: a module made from PyTorch's nn, the attributes, and the weights in PyTorch's order}
    "relu": lambda nn, a, w: nn.ReLU(), "clip": lambda nn, a, w: nn.Hardtanh(a["low"], a["high"]),
    "flatten": lambda nn, a, w: nn.Flatten(),
    "global_avg_pool": lambda nn, a, w: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "max_pool": lambda nn, a, w: nn.MaxPool2d(a["size"], a["stride"], a.get("padding", 0),
                                              ceil_mode=a.get("ceil", False)),
    "avg_pool": lambda nn, a, w: nn.AvgPool2d(a["size"], a["stride"]),
    "conv2d": lambda nn, a, w: nn.Conv2d(w[0].shape[1] * a.get("groups", 1), len(w[0]), w[0].shape[2:], **a),
    "dense": lambda nn, a, w: nn.Linear(*w[0].shape[::-1]),
    "batch_norm": lambda nn, a, w: nn.BatchNorm2d(len(w[0]), eps=0),
}


def steps(net, shape):
    """Yield (name, op, attributes, names of inputs, weights in the order of PyTorch and ONNX) of every layer.

    shape: shape of the pictures, (N, 3, H, W).
    """
    tape, found = net.run(np.zeros((1, *shape[2:], 3), np.float32)), []
    for record in (record for record in tape if record.inputs):
        weights = record.weights
        if record.op == "conv2d":
            weights = weights[0].transpose(3, 2, 0, 1), weights[1]  # (kh, kw, in, out) -> (out, in, kh, kw)
        elif record.op == "dense":
            kernel, before = weights[0], tape[record.inputs[0]]
            if before.op == "flatten":  # our layer reads (H, W, C), PyTorch's layer (C, H, W)
                h, w, c = before.sources[0].outline.shape[1:]
                kernel = kernel.reshape(h, w, c, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
            weights = kernel.T, weights[1]
        weights = [np.ascontiguousarray(w) for w in weights]
        found.append((record.name, record.op, record.attributes, record.inputs, weights))
    return found


@cache
def torch_model(net, x_shape, layout):
    """Return a torch.nn.Module of the network: model(x, start, stop) runs the layers after `start`, up to `stop`."""
    torch = library("torch")

    class Join(torch.nn.Module):
        def __init__(self, op):
            super().__init__()
            self.op = op

        def forward(self, *x):
            return torch.cat(x, 1) if self.op == "concat" else sum(x)

    class Graph(torch.nn.Module):
        def __init__(self, layers):
            super().__init__()
            self.layers, self.parts = [], torch.nn.ModuleDict()
            for name, op, attributes, inputs, weights in layers:
                self.layers.append((name, inputs))  # without the arrays: the module has its own
                part = MODULES[op](torch.nn, attributes, weights) if op in MODULES else Join(op)
                for parameter, w in zip((part.weight, part.bias) if weights else (), weights, strict=True):
                    parameter.data = torch.tensor(w)
                self.parts[name] = part

        def forward(self, x, start="input", stop=None):
            values, reached = {start: x}, start == "input"
            for name, inputs in self.layers:
                if reached and name not in values:
                    values[name] = self.parts[name](*(values[i] for i in inputs))
                reached = reached or name == start
                if name == stop:
                    break
            return values[name]

    return Graph(steps(net, x_shape)).eval().to(memory_format=getattr(torch, LAYOUTS[layout]))


def onnx_session(net, x_shape, way):
    """Return run(x) of ONNX Runtime or OpenVINO in float32, with our number of threads. x: (N, 3, H, W)."""
    import numba  # only after the kernels have started

    model, threads = onnx_model(steps(net, x_shape), x_shape), numba.get_num_threads()
    if way == "onnxruntime":
        options = library("onnxruntime").SessionOptions()
        options.intra_op_num_threads = threads
        session = library("onnxruntime").InferenceSession(model, options)
        return lambda x: session.run(None, {"input": x})[0]
    core = library("openvino").Core()  # by default it would use bfloat16 if the processor can
    compiled = core.compile_model(core.read_model(model), "CPU", {
        "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
    return lambda x: compiled(x)[0]


def ncnn_session(net, x_shape):
    """Return run(x) of ncnn in float32, with our number of threads. x: (1, 3, H, W). pnnx converts ONNX for it."""
    import numba

    ncnn = library("ncnn")
    inner = ncnn.Net()
    inner.opt.num_threads = numba.get_num_threads()
    for half in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(inner.opt, half, False)
    with TemporaryDirectory() as folder:
        (Path(folder) / "net.onnx").write_bytes(onnx_model(steps(net, x_shape), x_shape))
        run([library("pnnx").EXEC_PATH, "net.onnx", "fp16=0"], cwd=folder, check=True, capture_output=True)
        inner.load_param(f"{folder}/net.ncnn.param")
        inner.load_model(f"{folder}/net.ncnn.bin")

    def session(x):
        extractor = inner.create_extractor()
        extractor.input("in0", ncnn.Mat(x[0]))
        return np.array(extractor.extract("out0")[1])[None]
    return session


def compiled(model):
    """Return torch.compile(model), and forget what was compiled before. Without gradients, weights become constants."""
    library("torch._dynamo").reset()
    library("torch._inductor.config").freezing = True
    return library("torch").compile(model)


def onnx_model(layers, x_shape):
    """Return the network as the bytes of an ONNX file."""
    onnx = library("onnx")
    make, nodes, arrays = onnx.helper, [], []
    for name, op, a, inputs, weights in layers:
        arrays += [onnx.numpy_helper.from_array(w, f"{name}.{i}") for i, w in enumerate(weights)]
        names = [*inputs, *(f"{name}.{i}" for i in range(len(weights)))]
        pads, strides = pair(a.get("padding", 0)) * 2, pair(a.get("stride", 1))
        if op == "conv2d":
            node = make.make_node("Conv", names, [name], strides=strides, pads=pads, group=a.get("groups", 1))
        elif op == "max_pool":
            node = make.make_node("MaxPool", names, [name], kernel_shape=pair(a["size"]), strides=strides, pads=pads,
                                  ceil_mode=int(a.get("ceil", False)))
        elif op == "avg_pool":
            node = make.make_node("AveragePool", names, [name], kernel_shape=pair(a["size"]), strides=strides)
        elif op == "batch_norm":
            arrays += [onnx.numpy_helper.from_array(np.full_like(weights[0], i), f"{name}.{2 + i}") for i in range(2)]
            node = make.make_node("BatchNormalization", [*names, f"{name}.2", f"{name}.3"], [name], epsilon=0.0)
        elif op == "clip":
            arrays += [onnx.numpy_helper.from_array(np.float32(a[key]), f"{name}.{key}") for key in ("low", "high")]
            node = make.make_node("Clip", [*names, f"{name}.low", f"{name}.high"], [name])
        elif op == "dense":
            node = make.make_node("Gemm", names, [name], transB=1)
        elif op == "global_avg_pool":
            nodes.append(make.make_node("GlobalAveragePool", names, [f"{name}.maps"]))
            node = make.make_node("Flatten", [f"{name}.maps"], [name])
        else:
            theirs = {"relu": "Relu", "concat": "Concat", "add": "Add", "flatten": "Flatten"}[op]
            node = make.make_node(theirs, names, [name], **({"axis": 1} if op == "concat" else {}))
        nodes.append(node)
    value = partial(make.make_tensor_value_info, elem_type=onnx.TensorProto.FLOAT)
    graph = make.make_graph(nodes, "net", [value("input", shape=x_shape)], [value(layers[-1][0], shape=None)], arrays)
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 13)])
    model.ir_version = 8
    return model.SerializeToString()
