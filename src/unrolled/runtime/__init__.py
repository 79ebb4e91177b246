"""From a cell's graph to tensors; torch starts here.

`meaning` is what each operation does to tensors, `eager` runs a whole sequence with it: any dtype
and device, differentiable any number of times, the truth that faster backends are compared with.
"""
