"""Read ONNX files, which PyTorch and other programs export: a graph of nodes, each with an operator, becomes layers.

    file        reads nodes, arrays and the picture; it compares every size with the file before we use it
    constants   computes values that do not depend on the picture, such as shapes, indices and weights
    builder     makes our layers; it records where each number of the file is in them: NCHW there, NHWC here
    operators   turns operators into layers; windows.py: convolutions and pools; arithmetic.py: sums and products
    formulas    finds formulas that exporters write as many nodes but that are one op here: GELU, SiLU, LRN
    network     goes through all nodes with the help of the modules above, and removes a softmax at the end

`import onnx` means the package onnx, also in this folder, which has the same name; only `file` imports the package.
"""
