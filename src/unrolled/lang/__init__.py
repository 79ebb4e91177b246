"""The equation language: a cell goes in as a Python function and comes out as a graph of nodes.

Read in this order: `nodes` (what a graph is made of), `ops` (the closed table of operations),
`words` (their names in equations), `names` (what else may be called what), `cell` (the whole:
states, equations, results), `definition` (a function's text, never executed), `trace` and
`expressions` with their table `syntax` (text to graph), `widths` with its arithmetic `forms` (who
is how wide), `printing` with its tables `text` and `tex`, `stored` (graph to JSON and back).
"""
