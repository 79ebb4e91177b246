"""BERT behind the recurrent models' calls gives what its heads give."""

import torch
from tests.models.attention_only.witness import bert_shape, drawn, symbols

from unrolled.models.attention_only.bert_heads import SentenceClassifier, TokenClassifier
from unrolled.models.attention_only.time_first import BertManyToOne, BertTagger

CLASSES, LENGTHS = 5, torch.tensor([7, 3, 1])


def test_one_answer_to_a_sequence_is_the_sentence_classifiers():
    ours = drawn(BertManyToOne(bert_shape(), CLASSES))
    head = SentenceClassifier(bert_shape(), CLASSES).double().eval()
    head.load_state_dict(ours.classifier.state_dict())
    batch = symbols(7)
    found, state = ours(batch.t(), "state", lengths=LENGTHS)
    torch.testing.assert_close(found, head(batch, lengths=LENGTHS))
    assert found.shape == (3, CLASSES) and state == "state"
    assert ours.bert is ours.classifier.bert
    torch.testing.assert_close(ours(batch.t()[:3, 1:2])[0], found[1:2])


def test_a_tag_is_read_at_the_first_piece_of_each_word():
    ours = drawn(BertTagger(bert_shape(), CLASSES))
    head = TokenClassifier(bert_shape(), CLASSES).double().eval()
    head.load_state_dict(ours.classifier.state_dict())
    batch, firsts = symbols(7), torch.tensor([[1, 1, 0], [3, 2, 0], [4, 0, 0]])
    found, scores = ours(batch.t(), firsts, lengths=LENGTHS), head(batch, lengths=LENGTHS)
    assert found.shape == (3, 3, CLASSES)
    for column, words in enumerate([[1, 3, 4], [1, 2], [0]]):
        torch.testing.assert_close(found[: len(words), column], scores[column, words])
    assert ours.bert is ours.classifier.bert
