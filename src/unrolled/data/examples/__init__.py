"""Examples to learn from: texts with labels, sentences with tags, pairs of sentences.

`kinds` says what an example is. `parts` finds the files of a set and the part of each; `columns`
reads named columns, and `labelled`, `tagged` and `paired` read the formats in which public sets
come. `splits` makes the parts that a set does not have.
"""
