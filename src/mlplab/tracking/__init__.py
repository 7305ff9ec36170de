"""Keeping runs: a folder with everything that a run was made of and gave."""

from mlplab.tracking.environment import environment
from mlplab.tracking.json_ready import json_text, to_json_ready
from mlplab.tracking.run_folder import RunFolder

__all__ = ["RunFolder", "environment", "json_text", "to_json_ready"]
