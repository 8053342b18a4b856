"""Measure the second paper's open question: which attribution methods does t(x) change, and by how much?

The last sentence of Lerma & Lucas 2023b: "Future work can be used to determine in what extent the problem applies to a
wider class of attribution methods." `audit` tries all methods, scores and attacks on pictures; its table is the answer.
"""

from tinyattr.studies.audit.cell import ATTACKS, AUDITED, compare, examine
from tinyattr.studies.audit.prediction import predicted
from tinyattr.studies.audit.verdicts import Audit, verdict
from tinyattr.studies.audit.workers import ATTACKED, audit

__all__ = ["ATTACKED", "ATTACKS", "AUDITED", "Audit", "audit", "compare", "examine", "predicted", "verdict"]
