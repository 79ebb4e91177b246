"""The character model: read a text, predict its next character, write more of it.

`settings` has every default, `task` the model's data and loss; `run` trains, goes on, generates,
evaluates, looks (`subject`); `config` is what its folder keeps, `weights` a GPT-2 that has learned
before.
"""
