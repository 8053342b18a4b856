"""The results of a check: one line for each identity, as a table or as JSON."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A Finding has the name of an identity, the largest of (error / allowed error), and a small counter-example."""

    identity: str
    worst: float
    example: str

    @property
    def holds(self):
        """True if rounding can explain the largest error."""
        return self.worst <= 1


@dataclass(frozen=True, repr=False)
class Findings:
    """Findings are all results of a check, and a list of what was not tried. They print as a table."""

    findings: tuple[Finding, ...]
    not_tried: tuple[str, ...] = ()

    @property
    def holds(self):
        """True if every identity holds."""
        return all(f.holds for f in self.findings)

    @property
    def broken(self):
        """Names of the identities that do not hold."""
        return [f.identity for f in self.findings if not f.holds]

    @property
    def numbers(self):
        """Return the findings as plain lists and dicts, for JSON. An infinite error is null."""
        return {
            "holds": self.holds, "not_tried": list(self.not_tried),
            "identities": [{"identity": f.identity, "holds": f.holds, "example": f.example,
                            "error_over_rounding": f.worst if f.worst < float("inf") else None}
                           for f in self.findings]}

    def __str__(self):
        width = max(len(f.identity) for f in self.findings)
        lines = [f"{'identity':<{width}}  holds  error / rounding"]
        for f in self.findings:
            lines.append(f"{f.identity:<{width}}  {'yes' if f.holds else 'NO':<5}  {f.worst:.3g}")
            if not f.holds:
                lines.append(f"    {f.example}")
        lines += [] if self.holds else ["NO: error / rounding is above 1, so rounding alone does not explain the error"]
        return "\n".join([*lines, *(f"not tried: {what}" for what in self.not_tried)])

    def __repr__(self):
        return f"\n{self}\n"  # pytest shows this below "assert ... .holds"
