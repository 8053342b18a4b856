"""Weight files in every layout, as the frameworks write them, with arrays of ours."""

import h5py

PATTERNS = {
    "tinyattr-bare": "{layer}/{what}",
    "keras-2016": "{layer}/{layer}_{W}_1:0",
    "keras-weights": "{layer}/{layer}/{what}:0",
    "keras-model": "model_weights/{layer}/{layer}/{what}",
}


def write(path, weights, layout):
    """Write {layer: (kernel, bias)} in a layout of PATTERNS, or Keras 3's, which knows layers only by kind and order."""
    count = {"conv2d": 0, "dense": 0}
    with h5py.File(path, "w") as file:
        for layer, (kernel, bias) in weights.items():
            if layout == "keras-3":
                kind = "conv2d" if kernel.ndim == 4 else "dense"
                group = f"layers/{kind}_{count[kind]}" if count[kind] else f"layers/{kind}"
                count[kind] += 1
                file[f"{group}/vars/0"], file[f"{group}/vars/1"] = kernel, bias
            else:
                for what, letter, array in (("kernel", "W", kernel), ("bias", "b", bias)):
                    file[PATTERNS[layout].format(layer=layer, what=what, W=letter)] = array
        root = file.require_group({"keras-3": "layers", "keras-model": "model_weights"}.get(layout, "/"))
        for name in (*(f"block{n}_pool" for n in range(1, 6)), "flatten"):  # layers without weights are named, too
            root.create_group(name)
    return path
