"""How the site is built: ``sphinx-build -W -b html docs FOLDER``, without a network.

LAM_NB_DOCS_NOTEBOOKS names a folder of executed notebooks; without it they are shown as they are committed.
LAM_NB_DOCS_GALLERY=1 draws the gallery's figures; a list of names, "attribution,causal", draws those alone.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import inventories  # noqa: E402

import lam_nb  # noqa: E402

project = "lam_nb"
author = "The lam_nb authors"
project_copyright = "the lam_nb authors, Apache-2.0"
version = release = lam_nb.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "myst_nb",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "formulas",
    "gallery",
    "links",
    "tutorials",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
nitpicky = True
default_role = "autolink"
intersphinx_mapping = inventories.written(HERE / "_build" / "inventories")

autosummary_generate = True
autodoc_typehints = "none"  # docstrings say what goes in, with shapes and units
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False  # the template lists them
numpydoc_xref_param_type = True
numpydoc_xref_aliases = inventories.TYPES
numpydoc_xref_ignore = "all"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 4
myst_number_code_blocks = []
nb_execution_mode = "off"
nb_merge_streams = True
suppress_warnings = ["mystnb.unknown_mime_type"]  # plotly's own figures: a picture of each is beside it

MARK = "_static/mark.svg"
html_theme = "pydata_sphinx_theme"
html_title = "lam_nb"
html_static_path = ["_static"]
html_favicon = MARK
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {
        "image_light": "_static/mark.svg",
        "image_dark": "_static/mark.svg",
        "text": "lam_nb",
        "alt_text": "lam_nb",
    },
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "icon_links": [{"name": "Source", "url": "https://github.com/lam-nb/lam-nb", "icon": "fa-brands fa-github"}],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
ALONE = ("index", "start", "glossary", "performance", "how-it-grows", "changelog", "citing", "gallery/index")
html_sidebars = dict.fromkeys(ALONE, ())
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
