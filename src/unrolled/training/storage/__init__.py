"""Runs on disk: settings, measurements, and checkpoints that survive a kill at any moment.

Begin with `run_folder` (a run), `followed_run` (one that another process writes) and `checkpoint`
(save and load); `checkpoint_folder`, `checkpoint_names` and `manifest` are what they stand on,
`durable` does all writing,
`optimizer_state`, `random_state`, `tensor_trees` and `weights` turn objects into tensors and back.
"""
