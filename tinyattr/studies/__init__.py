"""What one can ask of a network: explain it, reproduce the papers, audit, detect, repair, train."""
