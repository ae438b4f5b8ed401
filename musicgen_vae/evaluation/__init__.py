"""How good a model is: metrics on clips, the evaluation of a checkpoint, its report."""
