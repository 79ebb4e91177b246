"""How fast: our layers beside torch's, loops, other libraries and jax, on the same numbers.

Read in this order: `settings` (the flags), `points` (sizes, and the operations they take), `case`
(one cell at one point: numbers and truth), `trial` and `measure` (what is timed, and how), `peers`
(the table of contenders; they are built in `our_layers`, `torch_layers`, `torchrecurrent_layers`
and `jax_scan` with `jax_cell` and `jax_meaning`), `contest` (check, then time), `sections` with
`layers` and `characters` (what is measured one after the other), `record` (what comes of it),
`table`, `grid`, `printer` and `report` (how it is shown and kept).
"""
