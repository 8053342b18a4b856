"""ONNX files, which PyTorch and others export: from a graph of their operators to our layers.

    file        the parsed file: nodes, arrays, the picture; every size is held against the file before it is believed
    constants   what does not depend on the picture is computed at loading: shapes, indices, weights
    builder     our layers, and where each number of the file's values lies in them: NCHW there, NHWC here
    operators   how each operator becomes layers; windows: convolutions and pools; arithmetic: sums and products
    formulas    formulas that exporters write out in many nodes and we have in one op: GELU, SiLU, LRN
    network     the walk over the nodes, and what is taken off at the end

Inside this room `import onnx` is the package of that name; only `file` imports it.
"""
