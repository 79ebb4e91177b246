"""Mistakes in what attention-only models are given to read and to load."""

from unrolled.errors.root import UnrolledError


class ContextError(UnrolledError, ValueError):
    """A model with learned positions is given more symbols than it has positions."""

    template = (
        "{model} got {new} symbols after {past} in the cache, {total} in all, and its context is "
        "{context}. Give at most the last {context} symbols, without a cache."
    )


class AttentionCacheError(UnrolledError, ValueError):
    """A cache is of another model, or of another batch."""

    template = (
        "{model} got a cache of {got}, and reads {wanted}. "
        "Go on from the cache that this model returned for these sequences, or from None."
    )


class PublishedWeightsError(UnrolledError, ValueError):
    """A published file does not hold just the tensors that the model is made of."""

    template = (
        "{path} does not fit this {model}:{differences}\n"
        "Build the model with the sizes of the file, and load each kind of model from its own."
    )


class NotSafetensorsError(UnrolledError, ValueError):
    """A file of weights is damaged, or of a format that could run code."""

    template = (
        "{path} is no safetensors file: {problem}. Pickled weights (.bin, .pt, .ckpt) are not "
        "read, for they can run any code; most publishers have model.safetensors beside them."
    )


class PretrainedError(UnrolledError, ValueError):
    """What should hold a pretrained model does not, or holds another kind of one."""

    template = (
        "{path} holds no {kind} that can be used: {problem}.{hint} Give a folder as the hub "
        "publishes it (config.json, model.safetensors, a tokenizer), a named set of weights, or, "
        "for bert, the run folder of a masked-lm."
    )


class TokenizerSizeError(UnrolledError, ValueError):
    """A tokenizer does not belong to the weights beside it."""

    template = (
        "{path}: the tokenizer has {symbols:,} symbols, and the weights have vectors for "
        "{vectors:,}, so they do not belong together. Put the tokenizer there that the weights "
        "were trained with."
    )
