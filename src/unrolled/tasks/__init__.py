"""Tasks: what a model learns, one folder each: settings (no torch), then the task itself.

`registry` lists them, `api` has the command's verbs as functions, `runs` is what all tasks' runs
share. Begin with `char_lm`; `toy` has four tasks in one table.
"""
