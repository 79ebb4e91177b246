"""From a cell's graph to tensors; torch starts here.

`meaning` is what each operation does to tensors, `building` turns a cell into a `program`, `eager`
runs it over a sequence: any dtype and device, differentiable any number of times, the truth that
faster backends are compared with. `products` has the stacked products.
"""
