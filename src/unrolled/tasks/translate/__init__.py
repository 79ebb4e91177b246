"""Sentences into other sentences: translation, dates to ISO, anything that is read and rewritten.

Read `settings` (what there is to choose), `coder` (sentences as numbers), `task` (batches, teacher
forcing, the loss), `scores` (BLEU, chrF, a translation memory), `run` (train, go on, translate).
"""
