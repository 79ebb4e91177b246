"""From a cell's graph to tensors; torch starts here.

`meaning` is what each operation does to tensors, `building` turns a cell into a `program`, `eager`
runs it over a sequence: any dtype and device, differentiable any number of times, the truth that
faster backends are compared with. `toolchain`, `library_folder`, `library_entry`, `library_cache`
and `library` turn generated C into machine code (`children` ends what hangs); `kernel` calls it, on
`rows` of sequences, with the threads of a `team`; `passes` is a run forward and backward,
`compiled` the same as a function that autograd knows.
"""
