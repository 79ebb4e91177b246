"""Any cell as one Scan, whose body is its equations."""

from collections.abc import Sequence

from unrolled.lang.nodes import Node, scalars
from unrolled.runtime.onnx.call import Call, goes_on, kept
from unrolled.runtime.onnx.placing import Placed, Places
from unrolled.runtime.onnx.writer import Value, Writer


def write_scan(write: Writer, call: Call) -> list[Value]:
    """Write the Scan, and return the output, the last states and the recorded values."""
    places = Places(write, call)
    active = None if call.lengths is None else goes_on(write, call)
    new = _new_states(places)
    recorded = [places.of[call.facts.cell.named[name]] for name in call.facts.record]
    per_step = [new[0], *(placed.value for placed in recorded if placed.inside)]
    made = _loop(places, new if active is None else _advanced(places, new, active), per_step)
    last, stacked = made[: len(new)], made[len(new) :]
    inside = iter(stacked[1:])
    values = [next(inside) if p.inside else _for_all_steps(write, p, call) for p in recorded]
    output, *values = (kept(write, active, value) for value in (stacked[0], *values))
    return [output, *last, *values]


def _new_states(places: Places) -> list[Value]:
    """The new states inside, each as wide as the old one."""
    narrow = scalars(places.cell.nodes)
    return [
        _like(places, result, old, narrow=result in narrow)
        for result, old in zip(places.cell.results, places.states, strict=True)
    ]


def _like(places: Places, result: Node, old: Value, *, narrow: bool) -> Value:
    placed, write = places.of[result], places.inside
    value = places.inner(placed)
    if placed.timed and not narrow:
        return value
    return write("Expand", value, write("Shape", old))


def _advanced(places: Places, new: Sequence[Value], active: Value) -> list[Value]:
    """New states where the sequence goes on, the old ones where it has ended."""
    now = places.inner(Placed(active, timed=True))
    return [places.inside("Where", now, *pair) for pair in zip(new, places.states, strict=True)]


def _for_all_steps(write: Writer, placed: Placed, call: Call) -> Value:
    """A recorded value that no state changes: T x B x width."""
    if placed.timed:
        return placed.value
    return write.wide(placed.value, write("Shape", call.x, start=0, end=2))


def _loop(places: Places, new: Sequence[Value], per_step: Sequence[Value]) -> Sequence[Value]:
    """The Scan itself: its last states, then what it stacks."""
    write, call = places.outside, places.call
    if not places.by_step:
        places.inner(Placed(call.x, timed=True))  # it says how many steps there are
    backwards = int(call.reverse)
    return write.several(
        len(new) + len(per_step),
        "Scan",
        *(call.first or _zeros(places)),
        *places.by_step,
        body=_body(places, [*new, *per_step]),
        num_scan_inputs=len(places.by_step),
        scan_input_directions=[backwards] * len(places.by_step),
        scan_output_directions=[backwards] * len(per_step),
    )


def _zeros(places: Places) -> list[Value]:
    write, batch = places.outside, places.outside.size(places.call.x, 1)
    widths = [places.widths[state] for state in places.cell.states]
    return [write.wide(write.numbers([0.0] * width), batch) for width in widths]


def _body(places: Places, results: Sequence[Value]) -> Value:
    """The graph of one step."""
    inputs = [*places.states, *places.by_step.values()]
    # One value may be state and output, or come in as it goes out: ONNX wants each to be its own.
    outputs = [places.inside("Identity", result) for result in results]
    values = [*inputs, *(value for node in places.inside.nodes for value in node.outputs)]
    for number, value in enumerate(values):
        value.name = f"step/{number}"  # no name of the graph around it, which has no slash
    onnx_ir = places.outside.onnx_ir
    return onnx_ir.Graph(inputs, outputs, nodes=places.inside.nodes, name=places.cell.name)
