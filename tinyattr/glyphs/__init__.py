"""The glyph world: scenes where the truth is known for every pixel, and the network that was trained on them."""
