"""Weight files: from a file, which anyone may have written, to a network and back. Read the modules in this order.

These modules load a file. Each step gives a later step what it needs.

    load           what users call: `load`, `save`, `convert`
    fetch          where the file is: at a path, in the package (embedded), or downloaded
    recognise      what the file is: its architecture, who trained it, how photos must be preprocessed
    registry       the published networks and the numbers that identify them (registry.toml)
    architectures  VGG and SqueezeNet, identified by names and shapes of layers; or the network that a file describes
    formats        which format the file has, by its first bytes; then one of the readers below reads the layers

These modules read the formats. They check everything before they use it, because a file may be an attack.

    weight_file    what each reader returns: layers in order, with arrays that are not read yet
    hdf5           files of Keras and our own: groups and their layouts; dataset.py: one array of such a file
    variable_text  a text of variable length in such a file: the library HDF5 may crash on it, so we read its bytes
    own_format     our own format for any network, reading and writing; own_format_1.py: its first version
    keras          a Keras model: its layers become our layers, its arrays become their weights
    keras_config   which layers the config calls, in order; keras_layers.py: what each layer
                   does; keras_options.py: checks of its options
    pytorch        PyTorch's names and axes, for the tensors that safetensors and pth find
    pth            files of torch.save; pickled.py: the pickles in them, which are never run
    tensor         one array of PyTorch; window.py: the part of the file that holds it
    onnx/          the graph of an ONNX file as our layers; the package onnx parses the file

These modules do other things with files.

    show, verify   print what a file holds; compare it with what was published
    export         write a network in the format of Keras or torchvision
    atomic         write any file completely or not at all
"""
