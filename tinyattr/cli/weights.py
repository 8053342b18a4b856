"""`tinyattr weights list | fetch | convert | show | verify`: commands about weight files."""

from tinyattr.cli.command import command, option
from tinyattr.cli.preparation import said
from tinyattr.cli.shared import shared
from tinyattr.errors import InputError
from tinyattr.files.fetch import FETCHABLE, fetch
from tinyattr.files.load import convert
from tinyattr.files.show import published_networks, show_file
from tinyattr.files.verify import passed, verify

FILE = option("file", metavar="FILE", help="a weight file")


@command("weights list", "")
def run_list(options):
    """List published networks: size, licence, and where the file is if you have it."""
    print(published_networks())


@command("weights fetch", "vgg19", option("name", metavar="NAME", help=f"one of {', '.join(FETCHABLE)}"))
def run_fetch(options):
    """Download a published network, and check its size and sha256."""
    print(f"weights  {fetch(options.name)}")


@command("weights convert", "vgg19-dcbb9e9d.pth vgg19.h5",
         option("file", metavar="IN", help="an HDF5, .keras, .pth, .safetensors or .onnx file"),
         *shared("out --overwrite --family"))
def run_convert(options):
    """Write any weight file in our own format, which also says how photos are preprocessed."""
    convert(options.file, options.out, **said(options))
    print(f"weights  {options.out}")


@command("weights show", "vgg19.h5", FILE, *shared("--family"))
def run_show(options):
    """Print the layout, network, family, layers, shapes and sha256 of a weight file."""
    print(show_file(options.file, **said(options)))


@command("weights verify", "vgg19.h5 --photos beagle.jpg", FILE, *shared("--family"),
         option("--photos", nargs="+", default=[], metavar="PHOTO", help="pictures to classify with the network"))
def run_verify(options):
    """Test whether the numbers in a file are the published (or written) numbers."""
    checks = verify(options.file, options.photos, **said(options))
    print(*checks, sep="\n")
    if not passed(checks):
        failed = ", ".join(check.what for check in checks if check.outcome == "FAILED")
        raise InputError(f"not verified: {failed or 'we know nothing to compare this file with'}")
    print("verified")
