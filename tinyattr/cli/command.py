"""How a command is made: a function, the options that it takes, and an example of its use.

    @command("paint", "HI --K 3", option("text", help="what the heatmap shall show"), *shared("--net --K --json"))
    def run_paint(options):
        \"""What the command does, as its --help says it.\"""
"""

from argparse import Action, ArgumentTypeError

from tinyattr.errors import InputError, named

COMMANDS = {}  # name, with its group before it where it has one: (function, example, options, other defaults)


def option(*names, **settings):
    """One option or argument of a command; names and settings as argparse takes them."""
    return names, settings


class Gather(Action):
    """What every mention of an option gives, together: `--method a --method b` means `--method a b`."""

    def __call__(self, parser, options, values, name=None):
        """Add the values of one mention; the first one takes the default's place."""
        before = getattr(options, self.dest)
        setattr(options, self.dest, [*(() if before is self.default else before), *values])


def several(name, metavar, known, default):
    """An option that takes one or more of the names that are known."""
    default = tuple(default)
    return option(name, nargs="+", action=Gather, default=default, metavar=metavar, help=f"of {', '.join(known)}; "
                  f"default: {'all' if default == tuple(known) else ', '.join(default)}")


def one_of(known, kind, name, help, **settings):
    """An option or argument that takes one of the names that are known, in any spelling."""
    def meant(text):
        try:
            return named(kind, text, known)
        except InputError as error:
            raise ArgumentTypeError(error) from None
    return option(name, type=meant, metavar=kind.upper(), help=f"{help}: {', '.join(known)}", **settings)


def figure(what):
    """The option --out of commands that draw."""
    return option("--out", dest="figure", metavar="FILE", help=what)


def command(name, example, *options, **defaults):
    """Make the function below a command. example: what to write behind its name. defaults: of these options.

    The first line of the function's docstring says what the command does.
    """
    def made(run):
        COMMANDS[name] = run, f"tinyattr {name} {example}".rstrip(), options, defaults
        return run
    return made
