"""The dashboard: pages for customers and operators, rendered on the server.

`routes.py` lists every page and act, `pages/` has one file a page, `operator/` the operators' ones, `templates/` what
they render, `components/` in it the pieces that pages share, `sources/` our own CSS and JavaScript. `frame.py` is what
every page stands in.
"""
