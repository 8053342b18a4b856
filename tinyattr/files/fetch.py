"""Find a weight file: at a path, in the package, or in the cache, where `fetch` puts the files that it downloads.

The package pooch is imported only where it is needed: otherwise `import tinyattr` would take a quarter longer.
"""

import os
from functools import partial
from hashlib import file_digest
from pathlib import Path

from tqdm import tqdm

from tinyattr.errors import InputError, unknown
from tinyattr.files.embedded import embedded
from tinyattr.files.registry import REGISTRY

FETCHABLE = {name: published for name, published in REGISTRY.items() if published.url}
EMBEDDED = ("glyphs", "glyphs_no_masks")  # they come with the package: weights/README.md
SECONDS = 30  # a server that is silent for so long counts as gone


def located(source):
    """Return the Path of a weight file. source: its path, or the name of an EMBEDDED or a fetched network.

    Raises InputError for the name of a network that is not fetched yet; the message says how to get it.
    """
    if not isinstance(source, str | os.PathLike):
        raise InputError("a network is given by the path of its file, or by its name, such as 'glyphs'; "
                         f"got {source!r:.60}")
    source = os.fsdecode(source)
    if source in EMBEDDED:
        return embedded(f"weights/{source}.h5")
    if source not in FETCHABLE:
        return Path(source)
    path = cached(FETCHABLE[source])
    if not path.is_file():
        raise InputError(f"{source!r} is not on this machine; `tinyattr weights fetch {source}` gets it, or "
                         f"{by_hand(FETCHABLE[source])}")
    return path


def cached(published):
    """Return the path that `fetch` gives a published file: in $TINYATTR_CACHE, else in the system's cache folder."""
    import pooch

    return Path(os.environ.get("TINYATTR_CACHE") or pooch.os_cache("tinyattr")) / published.file


def fetched():
    """Return the names of published networks whose files are in the cache, in the order of the registry."""
    return [name for name, published in FETCHABLE.items() if cached(published).is_file()]


def claimed(path):
    """Return (sha256, Published or None, True if its sha256 is the same, False if only its file's name or size is)."""
    found = sha256_of(path)
    claims = [p for p in FETCHABLE.values() if path.name == p.file or path.stat().st_size == p.bytes]
    is_one = [p for p in FETCHABLE.values() if found == p.sha256]
    is_one += [p for p in claims if p.md5 and p.md5 == sha256_of(path, "md5")]
    return found, next(iter(is_one + claims), None), bool(is_one)


def sha256_of(path, digest="sha256"):
    """Return the sha256 (or md5) of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return file_digest(file, digest).hexdigest()


def by_hand(published):
    """Say how to place a file without `fetch`."""
    return f"download {published.url} in another way and save it as {cached(published)}"


def fetch(name):
    """Download the file of a published network into the cache, unless it is there already. Returns its path.

    The file appears only if it has the published size and check sum (digest). If a download breaks, nothing stays, and
    the next one starts anew. Raises InputError if the download fails; the message says how to place the file by hand.
    """
    if name not in FETCHABLE:
        raise unknown("network to fetch", name, FETCHABLE)
    import pooch

    published = FETCHABLE[name]
    path = cached(published)
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(published.url, published.sha256 or f"md5:{published.md5}", path.name, path.parent,
                       downloader=partial(_download, published))
    except InputError as error:
        why = error
    except OSError as error:  # all errors of requests are OSErrors
        response = getattr(error, "response", None)
        why = (f"its server returned {response.status_code} {response.reason}" if response is not None
               else error.strerror or "there is no connection, or it was interrupted")
    except ValueError:
        why = "the sha256 of the downloaded file is not the published one"
    else:
        return path
    raise InputError(f"could not fetch {name!r}: {why}; try again, or {by_hand(published)}")


def _download(published, url, output, _):
    """Download with Pooch, show a bar on terminals only, and check the size."""
    import pooch

    bar = tqdm(total=published.bytes, unit="B", unit_scale=True, desc=published.file, disable=None, leave=False)
    pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=SECONDS)(url, output, None)
    size = Path(output).stat().st_size
    if published.bytes and size != published.bytes:
        raise InputError(f"{size:,} bytes arrived instead of {published.bytes:,}")
