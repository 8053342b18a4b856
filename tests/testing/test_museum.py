"""Every wrong exhibit breaks exactly the identities that the page lists for it; every right one keeps all."""

import pytest

from tests import museum_table
from tinyattr.testing import museum

LINES = museum_table.PAGE.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", museum.WRONG)
def test_a_wrong_one_breaks_what_is_listed(name):
    exhibit = museum.WRONG[name]
    found = museum_table.broken(exhibit)
    assert found
    assert museum_table.row(exhibit, found) in LINES, f"breaks {found}; run: python -m tests.museum_table"


@pytest.mark.parametrize("name", museum.RIGHT)
def test_a_right_one_passes_with_room_to_spare(name):
    findings = museum.asked(museum.RIGHT[name])
    assert findings.holds, str(findings)
    assert max(f.worst for f in findings.findings) < 0.8


def test_the_page_is_todays_and_the_museum_is_large():
    assert len(museum.WRONG) >= 30
    assert len(museum.RIGHT) >= 12
    names = [line.split(" | ")[0].removeprefix("| ") for line in LINES if line.startswith("| ") and " | " in line]
    assert [n for n in names if n != "name"] == [*museum.WRONG, *museum.RIGHT], "run: python -m tests.museum_table"


def test_the_reports_of_the_list_are_all_there():
    reports = " ".join(e.report for e in museum.WRONG.values())
    for report in ("NNlib.jl 43", "xFasterTransformer 326", "geti 1507", "MLFundamentals 1", "uTensor 171", "nntrainer 430", "NRI 25",
                   "aprender 2152", "CUDA.jl 592", "NNlib.jl 264", "libnd4j 440", "Odyssey 2134", "cTensor 31", "mlpack 2360",
                   "mlpack 3468", "PyTorch 38839", "mlx 4169", "PyTorch 113708", "PyTorch 143644", "burn 4694", "burn 4697",
                   "hb-pytorch 61"):
        assert report in reports, report
