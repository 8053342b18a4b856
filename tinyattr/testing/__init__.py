"""Tests for a softmax of your own, by identities and by random inputs: `from tinyattr import check, strategies`."""
