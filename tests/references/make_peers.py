"""Keep of the peers' stored outputs what the tests compare with, in the layout of this project's networks.

python -m tests.references.make_peers SHARED/oracle     writes peers_fc.npz and peers_gap.npz beside itself

Of every output only a fingerprint is kept: its largest size, and its products with four random vectors, which tell a wrong
array from a right one as surely as the array itself. The outputs come from two small random networks, float64, run through captum 0.9.0, grad-cam 1.5.7, torchcam 0.5, zennit 0.5.1, shap 0.51 and torch autograd.
Channels move last, and the first dense kernel's rows from channels-first to channels-last order.
"""

import json
import sys
from pathlib import Path

import numpy as np

from tests.references import fingerprint

INPUTS = ("x", "baseline", "refs", "rise_masks", "grid", "smoothgrad_noise", "gshap_ref_index", "gshap_coef", "target", "K",
          "box")


def main(folder):
    for source, name in (("oracle_tiny", "peers_fc"), ("oracle_gap_nobias", "peers_gap")):
        oracle = np.load(Path(folder) / f"{source}.npz")
        kept = {name: last(oracle[f"in/{name}"]) for name in INPUTS}
        layers, previous = [], None
        for layer in json.loads(str(oracle["meta/layers_json"])):
            kind = layer["type"]
            label = layer.get("name", f"{kind}{len(layers)}")
            if kind == "conv":
                layers.append((label, "conv2d", {"stride": layer["stride"], "padding": layer["pad"]}))
            elif kind == "maxpool":
                layers.append((label, "max_pool", {"size": layer["k"], "stride": layer["s"]}))
            elif kind == "linear":
                layers.append((label, "dense", {}))
            elif kind == "gap":
                layers.append((label, "global_avg_pool", {}))
            elif kind == "relu" or previous != "gap":  # a flatten after a global pool has nothing to do
                layers.append((label, kind, {}))
            previous = kind
        kept["layers"] = np.array(json.dumps(layers))
        kept["cam_layer"] = np.array(layers[int(oracle["in/cam_layer"])][0])
        maps = oracle["orig/pre/def.A"].shape  # (C, h, w)
        for variant in ("orig", "alt"):
            first = True
            for label, op, _ in layers:
                if f"w_{variant}/{label}.W" not in oracle:
                    continue
                kernel = oracle[f"w_{variant}/{label}.W"]
                if op == "conv2d":
                    kernel = kernel.transpose(2, 3, 1, 0)
                elif first and kernel.shape[1] == np.prod(maps):
                    kernel = kernel.reshape(-1, *maps).transpose(2, 3, 1, 0).reshape(-1, len(kernel))
                    first = False
                else:
                    kernel = kernel.T
                kept[f"{variant}/kernel/{label}"] = kernel
                kept[f"{variant}/bias/{label}"] = oracle[f"w_{variant}/{label}.b"]
        entries = sorted(name for name in oracle if name.split("/")[0] in ("orig", "alt", "metric"))
        kept["entries"] = np.array(entries)
        kept["fingerprints"] = np.stack([fingerprint(name, oracle[name]) for name in entries])
        np.savez_compressed(Path(__file__).with_name(f"{name}.npz"), **kept)


def last(a):
    """Channels last, in pictures and draws of pictures; masks have none."""
    if a.ndim == 4:
        return a.transpose(0, 2, 3, 1)
    return a.transpose(1, 2, 0) if a.ndim == 3 and len(a) == 3 else a


if __name__ == "__main__":
    main(sys.argv[1])
