"""Models: one file a shape.

`encoder` is what all recurrent models have in common: a cell's layers that read symbols or vectors.
`in_step` answers at each step (`tagger`: each word), `many_to_one` once (`pooling`),
`encoder_decoder` with a sequence of its own (`attention`, `search`). `language_model` answers with
the next symbol: `sampling` draws text from it, `beam` searches for likely text, `ngram` is the
counting baseline beside it (numpy alone). `attention_only` has GPT-2, BERT and the Transformer;
`linear` is a product that is faster where nothing is learned from it; `smart_start` is a start for
plain networks.
"""
