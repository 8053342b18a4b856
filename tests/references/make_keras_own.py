"""Networks of many kinds, written by Keras 3 on JAX, with Keras' own answers, into tests/references/keras_own.

python tests/references/make_keras_own.py     needs keras and jax; not run by the tests. Written with Keras 3.15.1.

NAME.keras or NAME.h5; answers.npz: for each NAME the logits z, dz_c/dx of the top class c, the output A of a layer, its
name, and for one picture drawn from seed 5: uniform from 0 to `high`, or from -1 to 1 where high is 1.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"

from pathlib import Path

import jax
import keras
import numpy as np
from jax import numpy as jnp
from keras import layers as k

FOLDER = Path(__file__).parent / "keras_own"


def student():
    return keras.Sequential([
        k.Input((24, 24, 3)), k.Rescaling(1 / 127.5, -1), k.Conv2D(6, 3, activation="relu"), k.BatchNormalization(),
        k.MaxPooling2D(), k.Conv2D(8, 3, padding="same", activation="relu", name="tap"), k.MaxPooling2D(), k.Dropout(0.3),
        k.Flatten(), k.Dense(12, activation="relu"), k.Dense(5, activation="softmax")])


def strides():
    return keras.Sequential([
        k.Input((29, 31, 3)), k.Conv2D(6, 4, strides=2, padding="same", use_bias=False), k.BatchNormalization(scale=False),
        k.LeakyReLU(negative_slope=0.2), k.AveragePooling2D(3, 2, padding="same"),
        k.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2), k.ReLU(max_value=6, name="relu6"),
        k.SeparableConv2D(8, 3, padding="same", activation="elu", name="tap"), k.GlobalMaxPooling2D(), k.Dense(5), k.Softmax()])


def sigmoid():
    return keras.Sequential([
        k.Input((20, 20, 3)), k.RandomFlip(), k.Conv2D(6, 5, activation="swish"), k.MaxPooling2D(3, 2),
        k.Conv2D(8, 3, dilation_rate=2, activation="tanh", name="tap"), k.SpatialDropout2D(0.1),
        k.GlobalAveragePooling2D(), k.Dense(8, activation="gelu"), k.Dense(1, activation="sigmoid")])


def functional():
    x = image = k.Input((20, 20, 1))
    x = k.Conv2D(8, 3, name="stem")(k.ZeroPadding2D((1, 2))(x))
    a = k.Activation("relu")(k.BatchNormalization()(x))
    x = k.Add()([x, k.Conv2D(8, 3, padding="same", groups=2)(a)])
    b, c = k.Conv2D(4, 1, strides=2, activation="selu")(x), k.MaxPooling2D(padding="same")(x)
    x = k.Concatenate(name="tap")([b, k.Cropping2D(((0, 0), (0, 0)))(c)])
    x = k.Multiply()([x, k.Dense(12, activation="sigmoid")(k.GlobalAveragePooling2D(keepdims=True)(x))])
    x = k.GlobalAveragePooling2D()(k.PReLU(shared_axes=[1, 2])(k.UpSampling2D(2)(x)))
    return keras.Model(image, k.Dense(4, activation="softmax")(x))


def nested():
    """A model in a model, and a convolution and a model that are called twice."""
    inner = k.Input((8, 8, 3))
    block = keras.Model(inner, k.BatchNormalization()(k.Conv2D(3, 3, padding="same", activation=k.LeakyReLU(0.1))(inner)))
    image = k.Input((16, 16, 3))
    front = keras.Sequential([k.Input((16, 16, 3)), k.Rescaling(1 / 255), k.AveragePooling2D(2)], name="front")
    twice = k.Conv2D(3, 3, padding="same", name="twice")
    a = twice(twice(front(image)))
    b = block(a)
    x = k.Average(name="tap")([block(b), b, a])
    y = k.GlobalAveragePooling2D()(k.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0])(x))
    return keras.Model(image, k.Dense(4, activation="softmax")(k.Concatenate()([k.Flatten()(x), y])))


def transposed():
    normalise = k.Normalization()
    normalise.adapt(np.random.default_rng(0).uniform(0, 255, (50, 17, 15, 3)))
    return keras.Sequential([
        k.Input((17, 15, 3)), normalise, k.Conv2D(3, 3, activation="hard_sigmoid"), k.PReLU(shared_axes=[1, 2]),
        k.GaussianNoise(0.1), k.Conv2D(4, (3, 5), strides=(2, 3), padding="same", activation="relu6"),
        k.AveragePooling2D((3, 2), (2, 2), padding="same", name="tap"), k.ReLU(max_value=0.5),
        k.Conv2DTranspose(5, 4, strides=3, padding="same", activation="softsign"),
        k.Conv2DTranspose(5, (2, 3), strides=(3, 2), activation=k.ELU(0.7)),
        k.Conv2DTranspose(3, 5, strides=2, use_bias=False), k.ZeroPadding2D(((1, 0), (2, 3))),
        k.Dense(4, activation="leaky_relu"), k.GlobalMaxPooling2D(keepdims=True), k.Flatten(), k.Dense(1)])


def mobile():
    x = image = k.Input((24, 24, 3))
    x = k.Rescaling(1 / 127.5, -1)(k.RandomRotation(0.1)(x))
    for stride, channels in ((2, 8), (1, 8), (2, 12)):
        y = k.ReLU(6.0)(k.BatchNormalization()(k.Conv2D(2 * channels, 1, use_bias=False)(x)))
        y = k.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(y)
        y = k.Conv2D(channels, 1, use_bias=False)(k.Activation("hard_silu")(k.BatchNormalization()(y)))
        y = k.BatchNormalization()(y)
        x = k.Add()([x, y]) if stride == 1 else y
    x = k.SeparableConv2D(10, 3, strides=2, padding="same", depth_multiplier=2, activation="gelu", name="tap")(x)
    x = k.GlobalAveragePooling2D(keepdims=True)(k.Permute((1, 2, 3))(k.SpatialDropout2D(0.2)(x)))
    x = k.Reshape((-1,))(k.Conv2D(6, 1, name="preds")(k.Dropout(0.1)(x)))
    return keras.Model(image, k.Activation("softmax", name="predictions")(x))


NETWORKS = {  # {name of the file: (how it is built, the largest number of its picture)}
    "student.keras": (student, 255), "strides.h5": (strides, 1), "sigmoid.keras": (sigmoid, 1),
    "functional.h5": (functional, 1), "nested.keras": (nested, 255), "nested.h5": (nested, 255),
    "transposed.h5": (transposed, 255), "mobile.keras": (mobile, 255),
}


def wake(model):
    """Numbers that training would leave: batch norm that is no identity, biases and slopes that are not zero."""
    rng = np.random.default_rng(3)
    for layer in model.layers:
        weights = layer.get_weights()
        if isinstance(layer, keras.Model):
            wake(layer)
        elif isinstance(layer, k.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) if name in ("gamma", "moving_variance") else
                               rng.normal(0, 0.3, w.shape) for name, w in zip(
                                   [v.name for v in layer.weights], weights, strict=True)])
        elif isinstance(layer, k.PReLU):
            layer.set_weights([rng.uniform(0, 0.5, w.shape) for w in weights])
        elif weights and getattr(layer, "use_bias", False):
            layer.set_weights([*weights[:-1], rng.normal(0, 0.1, weights[-1].shape)])


def answers(model, high):
    """z, c, dz_c/dx, A of Keras."""
    x = np.random.default_rng(5).uniform(-1 if high == 1 else 0, high, (1, *model.input_shape[1:])).astype("float32")
    last = model.layers[-1]
    top = keras.Model(model.inputs, [model.get_layer("tap").output, last.input])

    def logits(x):
        h = top([x], training=False)[1]
        z = h @ last.kernel.value + last.bias.value if isinstance(last, k.Dense) else h
        return jnp.concatenate([jnp.zeros_like(z), z], 1) if z.shape[1] == 1 else z

    z = np.asarray(logits(x))
    c = 1 if z.shape[1] == 2 else int(z[0].argmax())
    dx = jax.grad(lambda x: logits(x)[0, c])(jnp.asarray(x))
    return {"high": high, "z": z, "c": c, "dx": np.asarray(dx), "A": np.asarray(top([x], training=False)[0])}


if __name__ == "__main__":
    jax.config.update("jax_default_matmul_precision", "highest")
    FOLDER.mkdir(exist_ok=True)
    found = {}
    for name, (build, high) in NETWORKS.items():
        keras.utils.set_random_seed(1)
        model = build()
        wake(model)
        model.save(FOLDER / name)
        found.update({f"{name}/{key}": value for key, value in answers(model, high).items()})
    np.savez_compressed(FOLDER / "answers.npz", **found)
