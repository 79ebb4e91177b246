"""Pretrain a BERT: guess what is masked in a text, and whether one passage followed another.

`settings` (no torch) has every setting, `passages` what is read and what is masked in it, `task`
the loss and the figures, `config` what a run keeps, `parts` what is built of it; `run` trains, goes
on, fills in and measures.
"""
