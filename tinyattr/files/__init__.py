"""What comes from disk: pictures, weight files, class names."""
