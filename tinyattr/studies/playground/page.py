"""The playground as a web page: every browser keeps its own choice and asks for its two maps. It needs no package.

GET /            the page, with all possible choices
GET /maps?...    a Choice as a query, its fields by name; both maps as PNG and the sentences, as JSON
"""

import json
from base64 import b64encode
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Lock
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from tinyattr.errors import InputError
from tinyattr.scores import SCORES
from tinyattr.studies.draw import coloured
from tinyattr.studies.playground.ground import QUICK, STRONGEST, WORDS, Choice, Ground

PAGE = Path(__file__).with_name("page.html")


def server(net, x, port=8988):
    """Return a server for this machine only; `serve_forever` runs it. Raises InputError if the port is in use."""
    ground, one_at_a_time = Ground(net, x), Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            try:
                if url.path == "/":
                    self.answer("text/html", page(ground).encode())
                elif url.path == "/maps":
                    choice = asked(ground, {key: values[-1] for key, values in parse_qs(url.query).items()})
                    with one_at_a_time:
                        found = maps(ground, choice)
                    self.answer("application/json", json.dumps(found).encode())
                else:
                    self.send_error(404)
            except InputError as error:
                self.send_error(400, str(error))
            except ConnectionError:  # the browser has closed the connection
                pass

        def answer(self, kind, body):
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except (OSError, OverflowError) as error:
        raise InputError(f"no page at port {port}: {error}; try another --port") from None


def serve(net, x, port=8988):
    """Serve the page until Ctrl+C."""
    with server(net, x, port) as serving:
        print(f"open http://127.0.0.1:{serving.server_port}/ in a browser; Ctrl+C ends it", flush=True)
        serving.serve_forever()


def asked(ground, query):
    """Return the Choice of a query; missing fields have their starting values. Raises InputError for unknown values."""
    first = asdict(ground.first)
    try:
        choice = Choice(int(query.get("target", first["target"])), query.get("score", first["score"]),
                        query.get("method", first["method"]), query.get("layer", first["layer"]),
                        (int(query.get("i", 0)), int(query.get("j", 0))), float(query.get("K", first["K"])))
    except ValueError:
        raise InputError("target, i and j are whole numbers, K is a number") from None
    for value, known in ((choice.target, ground.classes), (choice.score, SCORES), (choice.method, QUICK),
                         (choice.layer, ground.layers)):
        if value not in known:
            raise InputError(f"there is no {value} to choose")
    if not np.isfinite(choice.K):
        raise InputError("K is a number")
    return ground.fitting(choice)


def maps(ground, choice):
    """Return both maps, and sentences about them."""
    cell, change = ground.compare(choice)
    return {"at": choice.at, "places": cell.tapped, "sentences": ground.sentences(choice, cell, change),
            "notes": [cell.original.note, cell.altered.note],
            "maps": [png(coloured(heatmap, ground.grey)) for heatmap in (cell.original, cell.altered)]}


def png(colours):
    """Return a picture (H, W, 3) or (H, W), 0..255, as a data address."""
    file = BytesIO()
    Image.fromarray(np.asarray(colours, np.uint8)).save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


def page(ground):
    """Return the page, with its choices filled in."""
    names = {c: f"{ground.net.label(c)}, y = {ground.y[c]:.3f}" for c in ground.classes}
    options = {"target": names, **{field: {value: value for value in values} for field, values in
                                   (("score", SCORES), ("method", QUICK), ("layer", ground.layers))}}
    filled = {"options": {field: list(values.items()) for field, values in options.items()},
              "first": asdict(ground.first), "strongest": STRONGEST, "words": WORDS, "size": ground.grey.shape,
              "picture": png(ground.grey if ground.picture is None else ground.picture)}
    return PAGE.read_text(encoding="utf-8").replace("FILLED", json.dumps(filled).replace("</", "<\\/"))
