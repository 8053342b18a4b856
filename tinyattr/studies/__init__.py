"""Studies: explain a photo, reproduce papers, evaluate methods, audit a network, detect and repair the attack."""
