"""Models: one file a shape.

`language_model` reads symbols and predicts the next one, `sampling` draws text from it, `beam`
searches for likely text, `ngram` is the counting baseline beside it (numpy alone). `in_step`
answers at each step of any sequence, `many_to_one` after the last; `smart_start` is a start for
plain networks.
"""
