"""Weight files: from a file that anyone may have written to a network, and back. Read the modules in this order.

The way of a file, from `load` down; each step hands on what the next one needs.

    load           what users call: `load`, `save`, `convert`
    fetch          where the file lies: at a path, in the package (embedded), or downloaded
    recognise      what it is: its architecture, whose training, how photos must be preprocessed
    registry       the published networks and the numbers by which they are known (registry.toml)
    architectures  VGG and SqueezeNet, known by the names and shapes of their layers; or the network that a file describes
    formats        which format it has, by its first bytes; one of the readers below takes its layers apart

The readers of formats; whatever they read is vetted first, as the file may mean harm.

    weight_file    what each of them gives: layers in order, each with its arrays, not yet read
    hdf5           Keras' files and our own: groups and their layouts; dataset: one array of them
    variable_text  a text of variable length in such a file, which HDF5 is not trusted with
    own_format     our own files of any network, and how they are written; own_format_1: their first version
    keras          a Keras model: its layers become ours, its arrays their weights
    keras_config   which layers its config calls, in order; keras_layers: what each of them does; keras_options
    pytorch        PyTorch's names and axes; of the tensors that safetensors and pth find
    pth            torch.save's files; pickled: their pickles, which are never run
    tensor         one array of PyTorch's; window: the stretch of the file in which it lies
    onnx/          the graph of an ONNX file as our layers; the package onnx parses it

What else one can do with a file.

    show, verify   print what it holds; compare it with what was published
    export         write a network as Keras and torchvision store it
    atomic         write any file whole or not at all
"""
