"""Say what a text is: its sentiment, its topic, any label.

`settings` (no torch) has every setting, `task` the batches and the loss, `baseline` what a model is
measured against, `run` a trained model.
"""
