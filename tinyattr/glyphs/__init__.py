"""The embedded world: scenes whose truth is known to the pixel, and the network that was trained on them."""
