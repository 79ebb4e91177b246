"""Models of attention alone: GPT-2, BERT, and the Transformer that both are halves of.

Begin with `attention`, then `blocks` (attention, feed-forward, norms: all three models are stacks
of them). `gpt2` reads to the right and predicts, `bert` reads in both directions, `bert_heads` puts
BERT to use, `transformer` does both to translate. `symbols` checks what comes in. `published` loads
weight files under the names of `published_names`, and `published_config` their sizes. The batch
comes first here, as in all the papers; behind the recurrent models' calls, where time does, they
stand in `gpt2_in_step`, `time_first` (BERT) and `translator` (the Transformer).
"""
