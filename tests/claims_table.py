"""The table of claims, in lessons/pages/claims.md, from the stored results. `python -m tests.claims_table` writes it.

`python -m tests.claims_table measure` measures them again before: about five minutes.
"""

import json
import sys

from tests.generated import PAGES, ROOT, with_part, write

STORED = ROOT / "tests" / "references" / "claims.json"
PICTURES = {"contrast": 200, "freedom": 20, "rest": 20, "diffgradcam": 20, "beyond_softmax": 60}
SAYS = {
    "contrast": "Wang and Wang 2022: the weighted contrast marks what makes the network choose a class",
    "freedom": "Srinivas and Fleuret 2021: gradients of logits can be changed at will without changing the classifier",
    "rest": "Cai 2025: ReST, z_c + log y_c, addresses the limitations of pre- and post-softmax scores",
    "diffgradcam": "Piland et al. 2025: DiffGradCAM matches Grad-CAM in honest networks, and cannot be fooled passively",
    "beyond_softmax": "Oh and Noh 2025: logit shifts and sign collapse distort maps; a sigmoid branch removes the distortion",
}
START, END = "<!-- claims: python -m tests.claims_table -->", "<!-- end of claims -->"


def measured():
    """{claim: its numbers}, on glyph scenes."""
    import tinyattr as ta
    from tinyattr.studies.reproduce import CLAIMS
    from tinyattr.studies.samples import scenes

    net = ta.load("glyphs")
    return {name: CLAIMS[name](net, scenes(count)).numbers() for name, count in PICTURES.items()}


def table():
    """The table as Markdown: claim, verdict, command."""
    lines = ["| claim | what is found here | `tinyattr reproduce` |", "|---|---|---|"]
    for name, found in json.loads(STORED.read_text(encoding="utf-8")).items():
        verdict = found["verdict"].replace("|", "\\|").replace("_", "\\_")
        lines.append(f"| {SAYS[name].replace('_', chr(92) + '_')} | {verdict} | `{name} --pictures {PICTURES[name]}` |")
    return "\n".join(lines)


def with_table(text):
    """The page's text with the table in its place."""
    return with_part(text, START, END, table())


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        STORED.write_text(json.dumps(measured()) + "\n", encoding="utf-8")
    write(PAGES / "claims.md", with_table)
