"""Identities and hypothesis strategies for a softmax of your own: `from tinyattr import check, strategies`."""
