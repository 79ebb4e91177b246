"""What each operation does to jax arrays, as `runtime.meaning` says it of tensors."""

import operator
from collections.abc import Callable
from importlib import import_module
from typing import Any

Meaning = dict[str, Callable[..., Any]]


def meaning_in_jax() -> Meaning:
    """The table, keyed as `lang.ops`."""
    jnp = import_module("jax.numpy")
    logistic = import_module("jax.nn").sigmoid

    def compare(holds: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda a, b: jnp.asarray(holds(a, b)).astype(jnp.result_type(a, b))

    def concat(*parts: Any) -> Any:
        wide = [jnp.atleast_1d(part) for part in parts]
        axes = jnp.broadcast_shapes(*(part.shape[:-1] for part in wide))
        return jnp.concatenate([jnp.broadcast_to(p, (*axes, p.shape[-1])) for p in wide], -1)

    return {
        **dict.fromkeys(("input", "state", "matrix", "vector", "mask"), lambda value: value),
        "constant": float,
        "product": lambda matrix, vector: vector @ matrix.T,
        "mean": lambda v: v.mean(-1, keepdims=True),
        "var": lambda v: v.var(-1, keepdims=True),
        "concat": concat,
        "slice": lambda index, count, whole: jnp.split(whole, count, -1)[index],
        "neg": operator.neg,
        "sigmoid": logistic,
        "relu": lambda v: jnp.maximum(v, 0),
        "softplus": lambda v: jnp.logaddexp(v, 0),
        **{op: getattr(jnp, op) for op in ("tanh", "exp", "log", "sqrt", "abs", "sin", "cos")},
        "detach": import_module("jax.lax").stop_gradient,
        "add": operator.add,
        "sub": operator.sub,
        "mul": operator.mul,
        "div": operator.truediv,
        "pow": operator.pow,
        "minimum": jnp.minimum,
        "maximum": jnp.maximum,
        **{op: compare(getattr(operator, op)) for op in ("lt", "le", "gt", "ge", "eq", "ne")},
        "where": lambda condition, this, that: jnp.where(condition != 0, this, that),
    }
