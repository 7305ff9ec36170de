"""The command line: every verb of `mlplab.workflows` with words, progress and exit statuses.

Workflows are imported inside the commands, so that ``mlplab --help`` loads nothing heavy.
"""
