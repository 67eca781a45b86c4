"""How Sphinx builds the documentation. Nothing is fetched while building, and the pages load nothing from elsewhere."""

import sys
from pathlib import Path

from ao_workflows import __version__

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for _ext, which renders the reference from the program itself

project = "ao-workflows"
author = "the ao-workflows authors"
project_copyright = author
version = release = __version__

extensions = ["myst_parser", "_ext.reference"]
exclude_patterns = ["_build", "_ext"]
nitpicky = True
# There may be no design note yet.
suppress_warnings = ["toc.empty_glob"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "ao-workflows"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
