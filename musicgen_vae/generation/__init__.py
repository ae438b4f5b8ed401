"""Making music with a trained model."""
