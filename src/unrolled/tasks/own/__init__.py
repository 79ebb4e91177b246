"""A task of one's own: a model, a loader and a loss that a program gives to `unrolled.fit`.

Read `passes` (the loader, read in an order that can be met again), `functions` (what serves as a
loss or a metric), `judge` (both called, and what they give checked) and `task`, which has all that;
then `given` (what a program gives), `settings` (what a run folder stores) and `run`, which trains.
"""
