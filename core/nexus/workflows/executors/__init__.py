"""Executors: who runs what is wanted, and takes over what died."""
