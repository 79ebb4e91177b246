"""From a cell to a program, without torch.

`layout` decides how a cell's parameters are stacked into few tensors; `stages` says which values
can be computed for the whole sequence before the recurrence starts, `sums` which parts of sums.
"""
