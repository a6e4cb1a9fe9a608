"""From pairs of texts to scores on a device: tokens, batches, forward passes, precisions."""
