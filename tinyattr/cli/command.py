"""Make a command out of a function, the options that it takes, and an example of its use.

    @command("paint", "HI --K 3", option("text", help="what the heatmap will show"), *shared("--net --K --json"))
    def run_paint(options):
        \"""Say what the command does; --help prints this line.\"""
"""

from argparse import Action, ArgumentTypeError

from tinyattr.errors import InputError, named

COMMANDS = {}  # {"name" or "group name" of a command: (function, example, options, other defaults)}


def option(*names, **settings):
    """Return one option or argument of a command; names and settings are those that argparse takes."""
    return names, settings


class Gather(Action):
    """A Gather joins the values of an option that is given twice: `--method a --method b` means `--method a b`."""

    def __call__(self, parser, options, values, name=None):
        """Add the values of one mention. The first mention replaces the default."""
        before = getattr(options, self.dest)
        setattr(options, self.dest, [*(() if before is self.default else before), *values])


def several(name, metavar, known, default):
    """Return an option that takes one or more of the known names."""
    default = tuple(default)
    return option(name, nargs="+", action=Gather, default=default, metavar=metavar,
                  help=f"one or more of {', '.join(known)}; "
                       f"default: {'all' if default == tuple(known) else ', '.join(default)}")


def one_of(known, kind, name, help, **settings):
    """Return an option or argument that takes one of the known names, in any spelling."""
    def meant(text):
        try:
            return named(kind, text, known)
        except InputError as error:
            raise ArgumentTypeError(error) from None
    return option(name, type=meant, metavar=kind.upper(), help=f"{help}: {', '.join(known)}", **settings)


def figure(what):
    """Return the option --out of commands that draw."""
    return option("--out", dest="figure", metavar="FILE", help=what)


def command(name, example, *options, **defaults):
    """Make the function below a command. example: the words after its name. defaults: values that options get.

    The first line of the function's docstring says what the command does.
    """
    def made(run):
        COMMANDS[name] = run, f"tinyattr {name} {example}".rstrip(), options, defaults
        return run
    return made
