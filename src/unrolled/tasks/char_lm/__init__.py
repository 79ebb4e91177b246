"""The character model: read a text, predict its next character, write more of it.

`settings` has every default, `task` the model's data and loss, `run` what is done with a trained
one: generate, evaluate.
"""
