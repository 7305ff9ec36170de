"""How the pages are built: ``scripts/docs`` makes build/docs/index.html, warnings are errors."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "mlplab"
author = "the mlplab authors"
project_copyright = f"2026, {author}"
version = release = installed_version("mlplab")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["**/README.md"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autosummary_generate = False
autodoc_default_options = {"members": True, "imported-members": True}
# Inherited from scikit-learn, and described there.
INHERITED = ["get_metadata_routing", "set_output"] + [
    f"set_{of}_request" for of in ("fit", "partial_fit", "score", "transform", "predict")
]
autodoc_default_options["exclude-members"] = ", ".join(INHERITED)
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings name types and shapes
numpydoc_show_class_members = False  # autodoc shows them
numpydoc_class_members_toctree = False

html_theme = "furo"
html_title = "mlplab"
html_theme_options = {"source_directory": "docs/"}
