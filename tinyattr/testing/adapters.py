"""Functions of PyTorch, JAX and TensorFlow as functions of arrays.

    check.softmax_identities(through("torch", torch.nn.functional.softmax))
"""

import inspect
from functools import wraps
from importlib import import_module

import numpy as np

from tinyattr.errors import InputError, named

MAKE = {  # an array as a tensor, without a copy where the framework can share memory: an overwritten argument must show
    "torch": lambda torch, a: torch.from_numpy(a) if a.ndim else torch.tensor(a),
    "jax": lambda jax, a: jax.numpy.asarray(a),
    "tensorflow": lambda tf, a: tf.convert_to_tensor(a),
}


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
        tensors = [MAKE[framework](module, a) if isinstance(a, np.ndarray | np.generic) else a for a in arguments]
        answer = f(*tensors, **keywords)
        return (answer.detach() if framework == "torch" else answer).__array__()

    try:
        of_arrays.__signature__ = inspect.signature(f)
    except (TypeError, ValueError):  # builtins say nothing of their parameters
        of_arrays.__signature__ = inspect.Signature()
    return of_arrays
