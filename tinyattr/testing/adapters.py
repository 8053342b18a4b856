"""Turn functions of PyTorch, JAX and TensorFlow into functions of arrays.

    check.softmax_identities(through("torch", torch.nn.functional.softmax))
"""

import inspect
from functools import wraps
from importlib import import_module

import numpy as np

from tinyattr.errors import InputError, named


def from_numpy(torch, a):
    """Return a PyTorch tensor. PyTorch does not know the bfloat16 of NumPy arrays, so we pass its bits as integers."""
    if a.dtype.name == "bfloat16":
        return torch.from_numpy(a.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(a)


def to_numpy(torch, tensor):
    """Return an array from a PyTorch tensor."""
    tensor = tensor.detach()
    return tensor.view(torch.int16).numpy().view("bfloat16") if tensor.dtype == torch.bfloat16 else tensor.numpy()


MAKE = {  # array -> tensor. If possible, both share memory: so we notice a function that overwrites its argument
    "torch": from_numpy,
    "jax": lambda jax, a: jax.numpy.asarray(a),
    "tensorflow": lambda tf, a: tf.convert_to_tensor(a),
}
BACK = {"torch": to_numpy, "jax": lambda jax, a: a, "tensorflow": lambda tf, tensor: tensor.numpy()}


def through(framework, f):
    """Return a function of arrays that calls f with tensors. Arguments that are no arrays do not change.

    Raises InputError for a framework that is unknown or not installed.
    """
    framework = named("framework", framework, MAKE)
    try:
        module = import_module(framework)
    except ImportError as error:
        raise InputError(f"{framework} is not installed: {error}") from error

    @wraps(f)
    def of_arrays(*arguments, **keywords):
        def tensor(a):
            return MAKE[framework](module, np.asarray(a)) if isinstance(a, np.ndarray | np.generic) else a

        answer = f(*map(tensor, arguments), **{name: tensor(a) for name, a in keywords.items()})
        return np.asarray(BACK[framework](module, answer))

    try:
        of_arrays.__signature__ = inspect.signature(f)
    except (TypeError, ValueError):  # builtins do not tell their parameters
        of_arrays.__signature__ = inspect.Signature()
    return of_arrays
