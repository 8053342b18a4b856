"""`tinyattr check module:function` tests whether your own softmax, or a related function, keeps its identities."""

import sys
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from runpy import run_path

from tinyattr.cli.command import command, option
from tinyattr.cli.outputs import tell
from tinyattr.cli.shared import shared
from tinyattr.errors import InputError, named
from tinyattr.testing.adapters import MAKE, through
from tinyattr.testing.check import KINDS
from tinyattr.testing.report import SECONDS

DERIVATIVES = {"softmax": ("jacobian", "product"), "log_softmax": ("jacobian", "product"), "logsumexp": ("gradient",),
               "cross_entropy": ("gradient",), "temperature": ()}
WHERE = "MODULE:FUNCTION"


@command("check", "scipy.special:softmax",
         option("function", metavar=WHERE, help="function of an installed module, or of a file: mine.py:softmax"),
         option("--kind", default="softmax", help=f"kind of function: {', '.join(KINDS)}; default: %(default)s"),
         option("--jacobian", metavar=WHERE, help="Jacobian z -> J of a softmax or log_softmax"),
         option("--product", metavar=WHERE, help="product (z, v) -> v^T J of a softmax or log_softmax"),
         option("--gradient", metavar=WHERE, help="gradient of a logsumexp or cross_entropy"),
         option("--through", metavar="FRAMEWORK", help="framework whose tensors the functions take: "
                f"{', '.join(MAKE)}; default: NumPy arrays"),
         option("--single", action="store_true", help="the function takes single vectors: try no batches"),
         option("--unmasked", action="store_true", help="try no masks of -inf"),
         option("--no-digits", action="store_true", help="log_softmax: log y_c may be 0 where y_c rounds to 1"),
         option("--seconds", type=float, default=SECONDS, metavar="S",
                help="stop after this time; the table says which tests were not tried; default: %(default)g"),
         *shared("--json"))
def run_check(options):
    """Test your own softmax, log-softmax, loss, ...: which identities break, by how much, and the smallest example."""
    kind = named("kind", options.kind, KINDS)
    derivatives = {name: getattr(options, name) for name in ("jacobian", "product", "gradient")}
    for name, where in derivatives.items():
        if where is not None and name not in DERIVATIVES[kind]:
            known = ", ".join(DERIVATIVES[kind]) or "no derivative"
            raise InputError(f"--{name} does not go with --kind {kind}, which takes {known}")
    functions = [None if where is None else found(where, options.through)
                 for where in (options.function, *(derivatives[name] for name in DERIVATIVES[kind]))]
    given = {"batches": False if options.single else None, "masks": False if options.unmasked else None}
    if options.no_digits:
        if kind != "log_softmax":
            raise InputError(f"--no-digits does not go with --kind {kind}, only with log_softmax")
        given["digits"] = False
    findings = KINDS[kind](*functions, **given, seconds=options.seconds)
    tell(options, str(findings), findings.numbers)
    if not findings.holds:
        raise InputError(f"{len(findings.broken)} of {len(findings.findings)} identities are broken")


def found(where, framework=None):
    """Return the function at "module:function" or "file.py:function". Raises InputError."""
    module, _, name = where.rpartition(":")
    if not module or not name:
        raise InputError(f"expected {WHERE}, such as scipy.special:softmax or mine.py:softmax; got {where!r}")
    sys.path.insert(0, str(Path.cwd()))
    try:
        if module.endswith(".py"):
            if not Path(module).is_file():
                raise InputError(f"there is no file {module!r}")
            function = run_path(module)[name]
        else:
            function = attrgetter(name)(import_module(module))
    except ImportError as error:
        raise InputError(f"{module!r} cannot be imported: {error}") from error
    except (AttributeError, KeyError) as error:
        raise InputError(f"{module!r} has no function {name!r}") from error
    finally:
        sys.path.pop(0)
    if not callable(function):
        raise InputError(f"{where!r} is not a function, it is of type {type(function).__name__}")
    return function if framework is None else through(framework, function)
