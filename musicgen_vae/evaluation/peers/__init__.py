"""Other models of the same music, trained as long on the same batches: what ours must beat."""
