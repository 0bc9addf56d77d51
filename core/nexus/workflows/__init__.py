"""Workflows: registered callables, what is told of them, and how their runs are driven.

``registry`` knows the callables and their inputs; ``runs`` starts, resumes and awaits runs; ``runner`` drives one
of them with the ``context`` that its body sees; ``executors`` find what waits to be run and take over what died.
"""
