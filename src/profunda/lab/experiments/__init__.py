"""The experiments: one package a chapter, one module an experiment, through public names only."""
