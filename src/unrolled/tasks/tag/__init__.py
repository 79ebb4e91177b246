"""Say for each word of a sentence what it is: a part of speech, a part of a name.

`settings` (no torch) has every setting, `coder` what numbers words, letters and tags, `pieces` what
numbers pieces of words for BERT, `sentences` what both have in common, `task` the batches and the
loss, `run` a trained model.
"""
