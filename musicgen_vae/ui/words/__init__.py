"""The words of the page, one file a language: mappings from key to text, and nothing else."""
