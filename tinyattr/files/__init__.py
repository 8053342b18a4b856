"""Read a network from a weight file, and write a network into one. You may read the modules in the order given here.

These modules load a file. `load` calls fetch, then recognise. `recognise` calls the three modules that stand below it.

    load           what users call: `load`, `save`, `convert`
    fetch          finds the file: at a path, in the package (embedded), or where an earlier download has put it
    recognise      collects what we know about the network in a file, and then makes the Network
    formats        finds the file's format by its first bytes, and calls one of the readers below
    architectures  finds out by names and shapes of layers whether it is a VGG (vgg.py) or a SqueezeNet (squeezenet.py)
    registry       compares its numbers with published networks (registry.toml); preprocessing.py: how to prepare photos

These modules read the formats. They check everything before they use it: anyone may write a file, also an attacker.

    weight_file    what each reader returns: layers in order, with arrays that are not read yet
    hdf5           files of Keras and our own: groups and their layouts; dataset.py: one array of such a file
    variable_text  a text of variable length in such a file; we read its bytes, because the library HDF5 may crash on it
    own_format     reads and writes our own format, which can hold any network; own_format_1.py: its first version
    keras          a Keras model: its layers become our layers, and its arrays become their weights
    keras_config   which layers the config calls, in order; keras_layers.py: what each layer
                   does; keras_options.py: checks of its options
    pytorch        turns PyTorch's names and axes into ours, for the tensors that safetensors and pth find
    pth            files of torch.save; pickled.py: the pickles in them, which are never run
    tensor         one array of PyTorch; window.py: the part of the file that holds it
    onnx/          the graph of an ONNX file as our layers; the package onnx parses the file

These modules do other things with files.

    show, verify   show prints what a file holds; verify compares its numbers with the published numbers
    export         write a network in the format of Keras or torchvision
    atomic         write any file completely or not at all
"""
