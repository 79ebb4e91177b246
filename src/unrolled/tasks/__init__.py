"""Tasks: what a model learns, one folder each: settings (no torch), then the task itself.

`registry` lists them, `api` has the command's verbs as functions; `run` is what every run has,
`runs` how it is trained and kept, `computing` where. Begin with `char_lm`; `toy` has four tasks in
one table, `texts` what tasks on examples share; `fit` trains a model of the user's own (`own`).
"""
