"""Formulas as they stand in the lessons and in the code, ``y_c = e^{z_c} / Σ_j e^{z_j}``, set as mathematics on the pages.

The lessons are read as plain scripts too, so their formulas are plain text. A text is a formula if it consists of the
letters, signs and words below and of nothing else: ``z_c - mean z`` is one, ``np.exp(1000)`` and ``log_odds`` are not.
"""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform

FUNCTIONS = "log max min mean exp sign softmax relu logsumexp ln Cov"
WORDS = "if else for all gives where"
NAMES = {"κ": r"\kappa ", "δ": r"\delta ", "Δ": r"\Delta ", "θ": r"\theta ", "α": r"\alpha ", "ψ": r"\psi ",
         "alpha": r"\alpha ", "psi": r"\psi ", "eps": r"\varepsilon ", "Σ": r"\sum ", "∫": r"\int ", "sum": r"\sum ",
         "int": r"\int ", "∂": r"\partial ", "IG": r"\mathrm{IG}", "CAM": r"\mathrm{CAM}", "SA": r"\Sigma A",
         "·": r"\cdot ", "−": "-", ">=": r"\geq ", "!=": r"\neq ", "≠": r"\neq ", "²": "^2", "…": r"\ldots ",
         "...": r"\ldots ", "⟨": r"\langle ", "⟩": r"\rangle "}
NAMES |= {word: rf"\operatorname{{{word}}}" for word in FUNCTIONS.split()}
NAMES |= {word: rf"\text{{ {word} }}" for word in WORDS.split()}
ALONE = "(?![A-Za-z])"
TOKEN = re.compile(
    rf"(?P<word>(?:{'|'.join(name for name in NAMES if name.isascii() and name.isalpha())}){ALONE})"
    rf"|(?P<slope>d(?=[A-Za-zθ]{ALONE}|\(| log| mean))"  # dS/dz: a d before one letter
    rf"|(?P<letter>[A-Za-z]{ALONE}|[κδΔθαψ])"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<script>[_^](?:\{(?P<inner>(?:[^{}]|\{[^{}]*\})*)\}|(?P<short>\w?\d\d[a-z]|[a-z]{1,4}|-?\d+|[A-Z])" + ALONE + "))"
    r"|(?P<space> +)"
    r"|(?P<sign>[Σ∫∂]|>=|!=|\.\.\.|(?<![A-Za-z])\[|[-+/=<>(){}\],:'·−≠*²…⟨⟩|])")
SCRIPTED = re.compile(r"(?:[\W\d]|[^\x00-\x7f]|(?<![A-Za-z])(?:d?[A-Za-z]|sum|int|max|Cov|IG|CAM|SA|psi|alpha)|[_^]\w+)$")
OUTSIDE = r"(?![^([{⟨]*[)\]}⟩])"  # not between brackets
CLAUSE = re.compile(rf"(?<=[,.:;]) {OUTSIDE}|(?<=hown as) ")
RELATION = re.compile(rf" (?=[=≠<>]=? ){OUTSIDE}")  # a line may break before it


def tex(text):
    """A formula in TeX, or None for what is none. Fractions keep their stroke: formulas are read within a line."""
    found, place, last = [], 0, "sign"
    while place < len(text):
        token = TOKEN.match(text, place)
        if token is None or (token.lastgroup == "script" and not SCRIPTED.search(text[:place])):
            return None
        kind, part, place = token.lastgroup, token[0], token.end()
        if kind == "script":
            inner = tex(token["inner"]) if token["inner"] else token["short"]
            if inner is None:
                return None
            part = f"{part[0]}{{{inner}}}"
            kind = "sign" if re.search(r"(?:[Σ∫]|sum|int)(?:_\w+)?$", text[:token.start()]) else kind
        elif kind == "space":
            part = r"\," if last in ("letter", "number", "script") and text[place:place + 1] not in "+-/=<>·−≠*.|)" else " "
        elif kind == "slope":
            part = r"\mathrm{d}"
        found.append(NAMES.get(part, part))
        last = kind if kind != "space" else last
    return "".join(found)


def formula(text):
    """A formula as nodes of mathematics, one for each side of its relations; none for words and what is no formula."""
    text = " ".join(text.split())
    twice = re.search(r"_\w+_", text)  # TeX has no double subscripts: it is a name, such as sum_is_1
    if twice or tex(text) is None or text.startswith("--") or not re.search(r"[^\s\w']|_|\b\w\b", text):
        return []
    sides = [nodes.math(side, tex(side)) for side in RELATION.split(text)]
    return [node for side in sides for node in (nodes.Text(" "), side)][1:]


def sentence(text):
    """A cell of a table, "L_ij = sum_k g_ijk A_ijk. HiResCAM, 2020", as nodes: its clauses that are formulas as such."""
    found = []
    for clause in CLAUSE.split(text):
        body = clause.rstrip(",.:;")
        parts = formula(body) if re.search(r"[A-Za-z]'?_| = |d\w/d\w", body) else []
        found += [*(parts or [nodes.Text(body)]), nodes.Text(f"{clause[len(body):]} ")]
    return found


class Formulas(SphinxTransform):
    """Set the formulas among a page's literals; in the tables of methods and of equations, those among the words."""

    default_priority = 700  # before Sphinx asks whether a page has mathematics (850)

    def apply(self, **kwargs):
        """Replace what is a formula."""
        if self.env.docname in ("equations", "methods"):  # literals there are names of functions and options
            cells = list(self.document.findall(nodes.entry))
            for paragraph in [paragraph for cell in cells for paragraph in cell.findall(nodes.paragraph)]:
                for text in [child for child in paragraph if isinstance(child, nodes.Text)]:
                    paragraph.replace(text, sentence(text.astext()))
            return
        for literal in list(self.document.findall(nodes.literal)):
            if parts := formula(literal.astext()):
                literal.parent.replace(literal, parts)
