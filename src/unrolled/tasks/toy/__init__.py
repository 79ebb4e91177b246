"""Toy tasks of long memory: what has to be remembered, and how long, is known and can be set.

`settings` has every default and says what each task is, `problems` how its sequences are drawn and
its answers judged, `task` the loss, `run` what is done with a trained model.
"""
