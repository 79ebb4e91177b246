"""Studies: what is compared with what, under equal conditions, and how the answer is printed.

`speed` is `unrolled bench`: our layers beside every peer that is installed, in one process, taking
turns. A study stands above tasks and layers, reads them, and changes nothing in them. Settings of
a study are torch-free, as those of a task are.
"""
