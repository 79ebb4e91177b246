"""Learn from series of numbers: forecast what comes next, or say what a series is.

`settings` (no torch) has every setting, `coder` what a run keeps of its columns, `windows` the
parts in time; `forecast` and `classify` have batches and losses, `baselines` and `figures` what a
model is measured by, `run` a trained model of either kind.
"""
