"""Whole Keras models, written without Keras: a config, and arrays where Keras 3 would put them."""

import io
import json
import zipfile

import h5py
import numpy as np


def layer(kind, name, inbound=None, **config):
    """A layer's entry in a config; `inbound`: the calls that each call of it reads, in a functional model."""
    entry = {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}, "registered_name": None}
    return entry if inbound is None else {**entry, "name": name, "inbound_nodes": inbound}


def conv(name, filters, size=3, **config):
    options = {"filters": filters, "kernel_size": [size, size], "strides": [1, 1], "padding": "same", "activation": "relu"}
    return layer("Conv2D", name, **{**options, **config})


def dense(name, units, activation="relu"):
    return layer("Dense", name, units=units, activation=activation)


def pool(name):
    return layer("MaxPooling2D", name, pool_size=[2, 2], strides=[2, 2], padding="valid")


def sequential(layers, shape=(32, 32, 3), name="sequential"):
    first = layer("InputLayer", "input", batch_shape=[None, *shape])
    return {"module": "keras", "class_name": "Sequential", "config": {"name": name, "layers": [first, *layers]}}


def reads(*calls):
    """One call on the outputs (layer, which of its calls), as Keras 2 writes it."""
    return [[*call, 0, {}] for call in calls]


def functional(layers, inputs, outputs, name="model"):
    return {"class_name": "Functional", "config": {"name": name, "layers": layers, "input_layers": inputs,
                                                   "output_layers": outputs}}


def keras_zip(config, arrays=None, version="3.15.1"):
    """Bytes of a .keras file. arrays: {"conv2d/vars/0": array}; config: as data, or the text itself."""
    text = config if isinstance(config, str) else json.dumps(config)
    weights, buffer = io.BytesIO(), io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_group("layers")
        for where, array in (arrays or {}).items():
            file[f"layers/{where}"] = array
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", weights.getvalue())
    return buffer.getvalue()


def whole_model(config, arrays=None, version="2.0.5", loops=False, **options):
    """Bytes of a whole-model .h5. arrays: {"conv2d/conv2d/kernel:0": array}; loops: groups that hold each other."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        file.create_group("model_weights")
        for where, array in (arrays or {}).items():
            file[f"model_weights/{where}"] = array
        if loops:
            one, other = file.create_group("model_weights/one"), file.create_group("model_weights/other")
            for group in (one, other):
                group["one"], group["other"] = one, other
        file.attrs["keras_version"] = version
        file.attrs["model_config"] = config if isinstance(config, np.bytes_) else json.dumps(config)
    return buffer.getvalue()


def random_arrays(shapes, seed=0):
    """{where: kernel, where: bias} for {layer's group: kernel shape}, in a .keras file."""
    rng, arrays = np.random.default_rng(seed), {}
    for group, shape in shapes.items():
        arrays[f"{group}/vars/0"] = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[:-1])))
        arrays[f"{group}/vars/1"] = rng.standard_normal(shape[-1], np.float32) / 10
    return arrays
