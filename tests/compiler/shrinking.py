"""Makes a cell that has some trouble as small as the trouble allows."""

from dataclasses import replace

from unrolled.lang.nodes import in_order, lift


def shrunk(cell, trouble_of, tries=400):
    """The smallest cell found that has the same kind of trouble, and the trouble.

    Args:
        cell: One that has trouble.
        trouble_of: What is wrong with a cell, its kind before a colon; None if nothing is, or if
            the cell means nothing.
        tries: How many cells to look at, at most.
    """
    trouble = trouble_of(cell)
    kind = trouble.partition(":")[0]
    waiting = simpler(cell)
    for _ in range(tries):
        smaller = next(waiting, None)
        if smaller is None:
            break
        found = trouble_of(smaller)
        if found is not None and found.partition(":")[0] == kind:
            cell, trouble, waiting = smaller, found, simpler(smaller)
    return cell, trouble


def simpler(cell):
    """Cells a step smaller, those that lose most first."""
    size = weight(cell)
    for candidate in candidates(cell):
        if weight(candidate) < size and candidate.products:
            yield candidate


def weight(cell):
    """How large a cell is: nodes (states and vectors a little less), names, states."""
    leaves = {"constant": 0.5, "vector": 0.8, "state": 0.9}
    nodes = sum(leaves.get(node.op, 1) for node in cell.nodes)
    written = sum(node.op != "constant" for node in cell.nodes if not node.args)
    return nodes + 0.1 * written + len(cell.equations) + len(cell.states) + len(cell.masks)


def candidates(cell):
    """Cells that might be smaller."""
    for state in cell.states if len(cell.states) > 1 else ():
        for other in (lift(0.5), *(s for s in cell.states if s is not state)):
            yield rebuilt(cell, {state: other}, without=state)
    for position in range(len(cell.equations)):
        equations = cell.equations[:position] + cell.equations[position + 1 :]
        yield cleaned(replace(cell, equations=equations))
    for position, state in enumerate(cell.states):
        results = cell.results[:position] + (state,) + cell.results[position + 1 :]
        yield cleaned(replace(cell, results=results))
    for node in reversed([node for node in cell.nodes if node.args]):
        operands = [argument for argument in node.args if argument.op != "matrix"]
        for other in (lift(0.5), cell.states[0], *operands):
            yield rebuilt(cell, {node: other})
    for mask in cell.leaves("mask"):
        yield rebuilt(cell, {mask: lift(0.5)})


def rebuilt(cell, changed, without=None):
    """The cell with nodes in place of others, and perhaps without one of its states."""
    made = {}
    for node in in_order([cell.input, *cell.states, *cell.nodes]):
        args = tuple(made[argument] for argument in node.args)
        kept = all(new is old for new, old in zip(args, node.args, strict=True))
        made[node] = changed.get(node) or (node if kept else replace(node, args=args))
    made |= {new: new for new in changed.values() if new not in made}
    pairs = [p for p in zip(cell.states, cell.results, strict=True) if p[0] is not without]
    equations = tuple(replace(e, value=made[e.value]) for e in cell.equations)
    states, results = tuple(s for s, _ in pairs), tuple(made[r] for _, r in pairs)
    return cleaned(replace(cell, states=states, results=results, equations=equations))


def cleaned(cell):
    """The cell without masks that nothing reads, and widths of what is no more."""
    used = {mask.label for mask in cell.leaves("mask")}
    masks = {name: mask for name, mask in cell.masks.items() if name in used}
    widths = {name: width for name, width in cell.widths.items() if name in cell.named}
    return replace(cell, masks=masks, widths=widths)
