"""Read ONNX files, which PyTorch and others export: a graph of operators becomes our layers.

    file        the parsed file: nodes, arrays, the picture; every size is compared with the file before we use it
    constants   values that do not depend on the picture are computed at loading: shapes, indices, weights
    builder     our layers, and where each number of the file's values is in them: NCHW there, NHWC here
    operators   how each operator becomes layers; windows: convolutions and pools; arithmetic: sums and products
    formulas    formulas that exporters write as many nodes and that are one op here: GELU, SiLU, LRN
    network     the walk over the nodes; it removes a softmax at the end

`import onnx` means the package onnx, also in this folder; only `file` imports it.
"""
