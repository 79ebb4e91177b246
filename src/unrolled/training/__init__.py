"""Training: one loop for all tasks.

Read `settings` (every default), `task` (what the loop asks of a task), `loop` (the whole of it);
then what it uses: `optimizers`, `clipping`, `interrupts`, `watchers` and `display` (who shows it),
`logs`, `telling`, `progress`, `updates` (how far a step moved the weights). `storage` keeps runs on
disk, whatever happens. Several processes train as one by `launch` (what torchrun says), `group`
(who they are), `agreement` (what they hold for true) and `carried` (what a checkpoint has of each).
"""
