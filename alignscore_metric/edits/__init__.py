"""Rule-based edits of text that preserve, or change, what it says; for training and robustness."""
