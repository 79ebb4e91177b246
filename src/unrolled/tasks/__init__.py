"""Tasks: what a model learns, one folder each: settings (no torch), then the task itself.

`registry` lists them; `runs` opens a finished or unfinished run of any task. Begin with `char_lm`.
"""
