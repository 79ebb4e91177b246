"""What the tasks on examples of text share: settings, reading, telling, batches.

Each task has a package of its own beside this one, in three files: `settings` (torch-free), `task`
(data and loss) and `run` (train, go on, open). `pretrained` finds models that have learned before,
`bert` puts one in the place of recurrent layers.
"""
