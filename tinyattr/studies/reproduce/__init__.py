"""The figures of both papers, and claims of other papers: what they say, what we measure, and what follows.

Each claim is a page, that is, a function (net, pictures, K, layer) -> Reproduction. Its docstring has the claim, the
algebra, and the parts of the paper that we had. pictures: from studies.samples. We explain classes that the network
predicts.
"""

from tinyattr.studies.reproduce.beyond_softmax import beyond_softmax
from tinyattr.studies.reproduce.claim import SAME, Claim, Reproduction, heatmaps
from tinyattr.studies.reproduce.contrast import contrast
from tinyattr.studies.reproduce.diffgradcam import diffgradcam
from tinyattr.studies.reproduce.figures import altered_beside_original, scores_side_by_side
from tinyattr.studies.reproduce.freedom import freedom
from tinyattr.studies.reproduce.rest import rest

FIGURES = ("fig2", "fig3", "fig4", "fig5")
CLAIMS = {page.__name__: page for page in (contrast, freedom, rest, diffgradcam, beyond_softmax)}

__all__ = ["CLAIMS", "FIGURES", "SAME", "Claim", "Reproduction", "altered_beside_original", "heatmaps",
           "scores_side_by_side"]
