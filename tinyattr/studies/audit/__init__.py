"""The second paper's open question, answered by measurement: which attribution methods does t(x) move, and how far?

Lerma & Lucas 2023b end: "Future work can be used to determine in what extent the problem applies to a wider class of
attribution methods." `audit` runs methods x scores x attacks over pictures; its table is the answer.
"""

from tinyattr.studies.audit.cell import ATTACKS, AUDITED, compare, examine
from tinyattr.studies.audit.prediction import predicted
from tinyattr.studies.audit.verdicts import Audit, verdict
from tinyattr.studies.audit.workers import ATTACKED, audit

__all__ = ["ATTACKED", "ATTACKS", "AUDITED", "Audit", "audit", "compare", "examine", "predicted", "verdict"]
