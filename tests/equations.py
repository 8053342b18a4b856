"""Every numbered equation of both papers, with the code that states it and the tests that prove it.

python -m tests.equations     writes the table of lessons/pages/equations.md anew
"""

import ast
import re

from tests.generated import PAGES, ROOT, with_part, write

EQUATIONS = {
    "1": "y_c = e^{z_c} / Σ_i e^{z_i}",
    "2": "dy_i/dz_j = (δ_ij e^{z_i} D − e^{z_i} e^{z_j}) / D², D = Σ_k e^{z_k}",
    "3": "δ_ij = 1 if i = j, else 0",
    "4": "dy_i/dz_j = y_i (δ_ij − y_j)",
    "5": "df/dx = Σ_i (df/dy_i)(dy_i/dx)",
    "6": "df/dx = Σ_j [Σ_i (df/dy_i) y_i (δ_ij − y_j)] dz_j/dx",
    "7": "dy_c/dx = y_c (dz_c/dx − Σ_i y_i dz_i/dx)",
    "8": "z'_i = z_i + t gives y' = y",
    "9": "dy'_c/dx = dy_c/dx + y_c (1 − 1) dt/dx = dy_c/dx",
    "10": "dz_i/dx = K for all i gives dy_c/dx = 0",
    "11": "L = −Σ_c t_c log y_c",
    "12": "dL/dy_i = −t_i / y_i",
    "13": "dL/dz_j = y_j − t_j",
    "14": "dL/dx = −Σ_i (t_i / y_i) dy_i/dx",
    "15": "dL/dx = Σ_i (y_i − t_i) dz_i/dx",
    "16": "t = e_c: dL/dx = Σ_i (y_i − δ_ic) dz_i/dx",
    "17": "dy_c/dx = −y_c dL/dx",
    "18": "d log y_c/dx = (1 / y_c) dy_c/dx = −dL/dx",
    "V1": "y_c = e^{z_c} / Σ_i e^{z_i}",
    "V2": "y'_c = e^{z_c + t} / Σ_i e^{z_i + t} = … = y_c",
    "V3": "dy'_i/dx = dy_i/dx",
    "V4": "dz'_i/dx = dz_i/dx + dt/dx",
    "V5": "t = K Σ_k A_00k, dt/dA_ijk = K at (0, 0), else 0",
    "V6": "dE/dt = Σ_i (dE/dy'_i)(dy'_i/dt) = 0",
    "V7": "original and altered network train in the same way: dE'/dθ = dE/dθ",
}
START, END = "<!-- equations: python -m tests.equations -->", "<!-- end of equations -->"


def mentions(path):
    """(equation number, function name) for every "Equation (n)" or "Equations (n)-(m)" in a file's docstrings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            for phrase in re.findall(r"[Ee]quations? ([^.]*)", ast.get_docstring(node) or ""):
                numbers = re.findall(r"\((V?\d+)\)", phrase)
                for first, last in re.findall(r"\((\d+)\)-\((\d+)\)", phrase) + re.findall(r"\(V(\d+)\)-\(V(\d+)\)", phrase):
                    prefix = "V" if f"(V{first})-" in phrase else ""
                    numbers += [f"{prefix}{k}" for k in range(int(first), int(last) + 1)]
                for number in dict.fromkeys(numbers):
                    yield number, node.name


def found(folder):
    """{equation: {"file.py: function": None}} over a folder's files, in order."""
    where = {number: {} for number in EQUATIONS}
    for path in sorted((ROOT / folder).rglob("*.py")):
        for number, name in mentions(path):
            where[number][f"{path.relative_to(ROOT).as_posix()}: {name}"] = None
    return where


def table():
    """The table as Markdown: number, formula, code, proof."""
    code, proof = found("tinyattr"), found("tests")
    lines = ["| equation | says | code | proved by |", "|---|---|---|---|"]
    for number, formula in EQUATIONS.items():
        stated = ", ".join(f"`{name.split('/')[-1].replace('.py: ', '.')}`" for name in code[number])
        proved = ", ".join(f"`{name.split('/')[-1].replace('.py: ', '.')}`" for name in proof[number])
        lines.append(f"| ({number}) | {formula} | {stated or '–'} | {proved} |")
    return "\n".join(lines)


def with_table(text):
    """The page's text with the table in its place."""
    return with_part(text, START, END, table())


if __name__ == "__main__":
    write(PAGES / "equations.md", with_table)
