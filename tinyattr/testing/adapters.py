"""Functions of PyTorch, JAX and TensorFlow as functions of arrays.

    check.softmax_identities(through("torch", torch.nn.functional.softmax))
"""

import inspect
from functools import wraps
from importlib import import_module

import numpy as np

from tinyattr.errors import InputError, named


def from_numpy(torch, a):
    """A tensor of PyTorch, which knows bfloat16 but not NumPy's: the same bits."""
    if a.dtype.name == "bfloat16":
        return torch.from_numpy(a.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(a)


def to_numpy(torch, tensor):
    """And back."""
    tensor = tensor.detach()
    return tensor.view(torch.int16).numpy().view("bfloat16") if tensor.dtype == torch.bfloat16 else tensor.numpy()


MAKE = {  # an array as a tensor, without a copy where the framework can share memory: an overwritten argument must show
    "torch": from_numpy,
    "jax": lambda jax, a: jax.numpy.asarray(a),
    "tensorflow": lambda tf, a: tf.convert_to_tensor(a),
}
BACK = {"torch": to_numpy, "jax": lambda jax, a: a, "tensorflow": lambda tf, tensor: tensor.numpy()}


def through(framework, f):
    """f, whose arrays become tensors on the way in, and arrays again on the way out. Numbers and keywords stay.

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
    except (TypeError, ValueError):  # builtins say nothing of their parameters
        of_arrays.__signature__ = inspect.Signature()
    return of_arrays
