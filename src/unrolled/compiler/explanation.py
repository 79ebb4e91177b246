"""A plan in words: what runs beside the steps and in them, what is kept and what is made again."""

from collections.abc import Iterator, Sequence

from unrolled.compiler.loops import Loop
from unrolled.compiler.plan import Plan
from unrolled.compiler.schedule import Call
from unrolled.compiler.titles import titles_of
from unrolled.lang.forms import Form, add, show_form
from unrolled.lang.nodes import Node, in_order
from unrolled.lang.printing import show_briefly
from unrolled.lang.text import TEXT


def explain(plan: Plan) -> str:
    """A plan in words, a few lines."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    step = plan.step
    early = [", ".join(group.matrices) for group in step.groups if group.early]
    yield f"before some steps, for all of them at once: {'; '.join(early) or 'nothing'}"
    yield from (f"  given by torch: {leaf.label}" for leaf in step.given)
    yield from _loop("each step forward", plan.forward)
    yield from _loop("each step backward", plan.backward)
    all_ = "; ".join(", ".join(group.matrices) for group in step.groups) or "nothing"
    yield f"after some steps, for all of them at once: the gradients of {all_}"
    yield from _memory(plan)


def _loop(title: str, loop: Loop) -> Iterator[str]:
    yield f"{title}:"
    for phase in loop.schedule.phases:
        sweeps = sum(len(sweeps) for _, sweeps in phase.levels)
        if sweeps:
            yield f"  {sweeps} loop{'s' * (sweeps > 1)} over the units of a row"
        yield from (f"  product {_call(call)}" for call in phase.calls)


def _call(call: Call) -> str:
    names = ", ".join(call.group.matrices[call.first : call.last])
    return f"({names}) transposed" if call.transposed else f"({names})"


def _memory(plan: Plan) -> Iterator[str]:
    """What a step leaves for the backward, and what the backward makes again."""
    total: Form = {}
    for buffer in {id(place.buffer): place.buffer for place in plan.kept.values()}.values():
        total = add(total, buffer.width)
    places = {node: place.buffer.role[0] for node, place in plan.kept.items()}
    states = [state.label for state in plan.step.states]
    kept = states + _told(plan, [node for node in places if places[node] != "state"])
    yield f"kept for the backward, {show_form(total)} numbers a row and step: {', '.join(kept)}"
    for said, nodes in (
        (
            "in the place of sums that are read no more",
            [n for n in places if places[n] == "product"],
        ),
        ("in memory of their own", [n for n in places if places[n] == "kept"]),
        ("made again in the backward", plan.remade),
    ):
        if nodes:
            yield f"  {said}: {', '.join(_told(plan, nodes))}"


def _told(plan: Plan, nodes: Sequence[Node]) -> list[str]:
    """Values as an author would write them; those that cannot be written are counted."""
    names = titles_of(plan.step, plan.adjoint)
    texts: list[str] = []
    unnamed = 0
    for node in nodes:
        known = {other: name for other, name in names.items() if other is not node}
        if node in names:
            texts.append(names[node])
        elif all(n.op in TEXT.rows for n in in_order([node], known=known)):
            texts.append(show_briefly(node, TEXT, known))
        else:
            unnamed += 1
    return texts + [f"{unnamed} unnamed"] * bool(unnamed)
