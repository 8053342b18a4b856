"""Fetching: whole and right, or nothing and a way out. A server of our own stands in for the world."""

import threading
from dataclasses import replace
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import tinyattr as ta
from tests.files.torch_files import zipped
from tests.files.torch_names import squeezenet_state
from tinyattr.cli.main import main
from tinyattr.files.fetch import FETCHABLE, cached, claimed, fetch
from tinyattr.files.registry import REGISTRY

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def server():
    """A web server that answers with .content and .status, breaks off after .sent bytes, and counts in .asked."""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked += 1
            self.send_response(self.server.status)
            self.send_header("Content-Length", str(len(self.server.content)))
            self.end_headers()
            self.wfile.write(self.server.content[: self.server.sent])

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.status, server.sent, server.asked = CONTENT, 200, None, 0
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def published(server, tmp_path, monkeypatch):
    """SqueezeNet's entry, its file being CONTENT on our server; the cache is an empty folder."""
    entry = replace(REGISTRY["squeezenet"], url=f"http://127.0.0.1:{server.server_port}/file.pth", bytes=len(CONTENT),
                    sha256=sha256(CONTENT).hexdigest())
    monkeypatch.setitem(FETCHABLE, "squeezenet", entry)
    monkeypatch.setenv("TINYATTR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return entry


def test_fetching_once(server, published, capsys):
    assert main(["weights", "fetch", "squeezenet"]) == 0
    assert cached(published).read_bytes() == CONTENT
    assert str(cached(published)) in (captured := capsys.readouterr()).out
    assert captured.err == ""  # no bar where there is no terminal
    fetch("squeezenet")
    assert server.asked == 1
    main(["weights", "list"])
    assert f"fetched: {cached(published)}" in capsys.readouterr().out


@pytest.mark.parametrize(("fault", "words"), [
    ({"content": CONTENT[:-1] + b"x"}, "the sha256 of the downloaded file is not the published one"),
    ({"content": CONTENT + b"more"}, "1,024,004 bytes arrived instead of 1,024,000"),
    ({"sent": 300_000}, "no connection, or it was interrupted"),
    ({"status": 404}, "its server returned 404 Not Found"),
    ({"status": 503}, "its server returned 503"),
])
def test_what_goes_wrong_leaves_nothing_and_the_next_try_succeeds(server, published, capsys, fault, words):
    for key, value in fault.items():
        setattr(server, key, value)
    assert main(["weights", "fetch", "squeezenet"]) == 1
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1
    assert f"download {published.url} in another way and save it as {cached(published)}" in message
    assert list(cached(published).parent.iterdir()) == []
    server.content, server.status, server.sent = CONTENT, 200, None
    assert fetch("squeezenet").read_bytes() == CONTENT


def test_a_file_of_which_only_an_md5_was_published(server, published, monkeypatch):
    """As VGG16's, which Keras pins by its md5."""
    entry = replace(published, sha256="", md5=md5(CONTENT).hexdigest())
    monkeypatch.setitem(FETCHABLE, "squeezenet", entry)
    assert claimed(fetch("squeezenet")) == (sha256(CONTENT).hexdigest(), entry, True)
    cached(entry).write_bytes(b"x" + CONTENT[1:])
    assert claimed(cached(entry))[1:] == (entry, False)
    cached(entry).unlink()
    server.content = b"x" + CONTENT[1:]
    with pytest.raises(ta.InputError, match="is not the published one"):
        fetch("squeezenet")


def test_offline(server, published, monkeypatch):
    monkeypatch.setitem(FETCHABLE, "squeezenet", replace(published, url="http://127.0.0.1:9/file.pth"))  # the discard port
    with pytest.raises(ta.InputError, match="no connection, or it was interrupted; try again, or download"):
        fetch("squeezenet")
    with pytest.raises(ta.InputError, match="unknown network to fetch 'squeezenet9'; did you mean squeezenet"):
        fetch("squeezenet9")


def test_a_damaged_file_in_the_cache_is_fetched_again(server, published):
    cached(published).parent.mkdir()
    cached(published).write_bytes(b"half a file")
    assert fetch("squeezenet").read_bytes() == CONTENT


def test_a_file_placed_by_hand_is_loaded_by_its_name(published):
    with pytest.raises(ta.InputError, match=r"'squeezenet' is not on this machine; `tinyattr weights fetch squeezenet` gets it, or download"):
        ta.load("squeezenet")
    cached(published).parent.mkdir()
    zipped(cached(published), squeezenet_state("1.1"))
    assert ta.load("squeezenet", family="torchvision").name == "SqueezeNet v1.1"
