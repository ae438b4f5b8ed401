"""Training: augmented batches, the optimiser, the loop and its resumable state."""
