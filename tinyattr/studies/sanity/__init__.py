"""Sanity checks: tests of a heatmap for which we need not know the right heatmap.

    spread.py        is the map concentrated in few places? Gini coefficient, entropy
    faithfulness.py  does the score fall if we remove the places that the map calls important? Sensitivity-n
    steadiness.py    how much does a little noise in the picture change the map? Max-sensitivity
    classes.py       does another class have another map? Random logit
    weights.py       does the map depend on what the network has learned? Parameter randomisation
    report.py        all checks for some methods and scores, in the original and the altered network
"""

from tinyattr.studies.sanity.classes import random_logit
from tinyattr.studies.sanity.faithfulness import faithfulness_correlation, sensitivity_n
from tinyattr.studies.sanity.report import sanity
from tinyattr.studies.sanity.spread import entropy, gini
from tinyattr.studies.sanity.steadiness import max_sensitivity
from tinyattr.studies.sanity.weights import cascade, layer_by_layer

__all__ = ["cascade", "entropy", "faithfulness_correlation", "gini", "layer_by_layer", "max_sensitivity",
           "random_logit", "sanity", "sensitivity_n"]
