"""How the documentation is built: `make docs` writes it to build/docs."""

project = "smithkit"
author = "smithkit contributors"
copyright = "2026, smithkit contributors"  # noqa: A001 - Sphinx's name
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "smithkit"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_use_ivar = True
default_role = "code"  # docstrings name things in single backticks
myst_heading_anchors = 3
exclude_patterns = ["benchmarks/**"]
suppress_warnings = ["myst.xref_missing"]  # links to files of the repository
