"""A task of one's own: a model, a loader and a loss that a program gives to `unrolled.fit`.

Read `passes` (the loader, read in an order that can be met again), `judge` (the loss and the
metric, called and checked) and `task`, which has both; then `given` (all that a program gives),
`settings` (what a run folder stores) and `run`, which trains.
"""
