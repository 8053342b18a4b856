"""Train a small CNN in Keras, away from this project, and save it whole: own_network.keras.

    KERAS_BACKEND=jax python lessons/own_network/train_own_network.py     needs keras and jax; made with Keras 3.15.1, a minute

The lesson "Bring your own network" explains what it has learned.
"""

from pathlib import Path

import numpy as np

SIZE, CLASSES = 48, ("disc", "square", "cross")


def pictures(count, seed):
    """(pictures (N, 48, 48, 3) uint8, classes (N,), masks (N, 48, 48)): one bright shape on a dark, noisy ground."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    found, classes, masks = [], rng.integers(0, 3, count), []
    for c in classes:
        r = rng.uniform(6, 11)
        down, across = (y - rng.uniform(r, SIZE - r)) / r, (x - rng.uniform(r, SIZE - r)) / r
        inside = {"disc": down**2 + across**2 < 1, "square": np.maximum(abs(down), abs(across)) < 0.85,
                  "cross": (np.minimum(abs(down), abs(across)) < 0.3) & (np.maximum(abs(down), abs(across)) < 1)}
        mask = inside[CLASSES[c]]
        ground, paint = rng.uniform(20, 90, 3), rng.uniform(130, 230, 3)
        picture = np.where(mask[..., None], paint, ground) + rng.normal(0, 12, (SIZE, SIZE, 3))
        found.append(np.clip(picture, 0, 255).astype(np.uint8))
        masks.append(mask)
    return np.stack(found), classes, np.stack(masks)


if __name__ == "__main__":
    import keras  # here, so that the lesson can draw pictures without it
    from keras import layers

    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        layers.Input((SIZE, SIZE, 3)), layers.Rescaling(1 / 127.5, offset=-1), layers.RandomFlip(),
        layers.Conv2D(12, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU(),
        layers.MaxPooling2D(),
        layers.SeparableConv2D(24, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(32, 3, padding="same", activation="relu", name="last_maps"),
        layers.GlobalAveragePooling2D(), layers.Dropout(0.1), layers.Dense(len(CLASSES), activation="softmax"),
    ], name="shapes")
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, c, _ = pictures(3000, 1)
    model.fit(x.astype("float32"), c, batch_size=32, epochs=8, verbose=2)
    x, c, _ = pictures(500, 2)
    print("unseen:", model.evaluate(x.astype("float32"), c, verbose=0)[1])
    print("the first:", model.predict(x[:1].astype("float32"), verbose=0)[0].tolist())
    model.optimizer = None  # the file holds what the network computes with, and nothing else
    model.compiled = False
    model.save(Path(__file__).with_name("own_network.keras"))
