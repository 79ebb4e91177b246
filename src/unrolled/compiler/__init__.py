"""From a cell to C, without torch.

Read `step` (a cell as a graph of one step), `derivatives` and `adjoint` (its backward), `schedule`
(in which order, and what lies in memory), `keeping` (what the backward gets), `plan` (all of it
together), `emit_c` and `emit_row` (the C), `explanation` (a plan in words).

The C stands on three headers in `c`: `real.h`, the functions of numbers; `loop.h`, a run over a
sequence; `algebra.h`, the products, which are the same for all cells and compiled once (`algebra.c`
with `product.h` and `outer.h`).

For eager and compiled alike: `layout` (parameters stacked into few tensors), `stages` and `sums`
(what can be computed before the recurrence starts).
"""
