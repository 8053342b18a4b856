"""Fast CPU kernels beside their plain twins: arrays in, arrays out; whoever calls keeps buffers and prepared weights."""
