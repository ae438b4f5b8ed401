"""The conditional variational autoencoder: from token arrays to z and back."""
