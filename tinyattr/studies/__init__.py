"""Studies of a network: explain it, reproduce papers, audit methods, detect and repair the attack, train."""
