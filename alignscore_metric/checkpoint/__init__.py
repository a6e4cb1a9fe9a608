"""A checkpoint: weights, tokenizer, and the profile and signature that say what its scores mean."""
