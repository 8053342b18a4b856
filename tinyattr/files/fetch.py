"""Known weight files: where they lie on this machine, and fetching them.

Pooch is imported where it is needed: it would make `import tinyattr` a quarter longer.
"""

import os
from pathlib import Path

from tqdm import tqdm

from tinyattr.errors import InputError, unknown
from tinyattr.files.atomic import digest
from tinyattr.files.registry import KNOWN

FETCHABLE = {name: known for name, known in KNOWN.items() if known.url}
SECONDS = 30  # of silence after which a server counts as gone


def cached(known):
    """Where the file of a known network lies once fetched: in $TINYATTR_CACHE, else in the system's cache folder."""
    import pooch

    return Path(os.environ.get("TINYATTR_CACHE") or pooch.os_cache("tinyattr")) / known.file


def fetched(name):
    """Path of a fetched file. Raises InputError, saying how to get it, where it is not there."""
    path = cached(FETCHABLE[name])
    if not path.is_file():
        raise InputError(f"{name!r} is not on this machine; `tinyattr weights fetch {name}` gets it, or "
                         f"{by_hand(FETCHABLE[name])}")
    return path


def published(path):
    """(sha256 of a file, the known network whose published file it is or claims to be by name or size, or None)."""
    found, size = digest(path), path.stat().st_size
    claims = (known for known in FETCHABLE.values() if path.name == known.file or size == known.bytes)
    is_one = (known for known in FETCHABLE.values() if found == known.sha256)
    return found, next(is_one, None) or next(claims, None)


def by_hand(known):
    """How to place a file without `fetch`."""
    return f"download {known.url} by other means and place it as {cached(known)}"


def fetch(name):
    """Download a known network's file to its place in the cache, unless it is there already. Returns its path.

    The file appears only with the size and sha256 that were published; a broken download leaves nothing and starts
    again. Raises InputError where it fails, saying how to place the file by hand.
    """
    if name not in FETCHABLE:
        raise unknown("network to fetch", name, FETCHABLE)
    import pooch

    known = FETCHABLE[name]
    path = cached(known)
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(known.url, known.sha256, path.name, path.parent, downloader=lambda *a: _download(known, *a))
    except InputError as error:
        why = error
    except OSError as error:  # as all of requests' errors are
        response = getattr(error, "response", None)
        why = (f"its server answers {response.status_code} {response.reason}" if response is not None
               else error.strerror or "no connection, or it broke off")
    except ValueError:
        why = "what arrived has another sha256 than the published file"
    else:
        return path
    raise InputError(f"could not fetch {name!r}: {why}; try again, or {by_hand(known)}")


def _download(known, url, output, _):
    """Pooch's downloader, with a bar on terminals only, and the size checked."""
    import pooch

    bar = tqdm(total=known.bytes, unit="B", unit_scale=True, desc=known.file, disable=None, leave=False)
    pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=SECONDS)(url, output, None)
    size = Path(output).stat().st_size
    if known.bytes and size != known.bytes:
        raise InputError(f"{size:,} bytes arrived instead of {known.bytes:,}")
