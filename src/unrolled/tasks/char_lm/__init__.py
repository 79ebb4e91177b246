"""The character model: read a text, predict its next character, write more of it.

`settings` has every default, `task` the model's data and loss; `run` trains and goes on, `config`
is what its folder keeps, and `trained` is what comes out: generate, evaluate, look (`subject`).
"""
