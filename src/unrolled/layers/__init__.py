"""Layers: a cell run over sequences, stacked and in both directions, as an nn.Module.

`recurrent` makes a layer of any cell; `torch_like` has drop-ins for torch.nn's RNN, LSTM, GRU and
their one-step cells; `convert` exchanges torch's modules inside a model for ours. Below them:
`layer` (what all layers share), `stack` (layers and directions), `in_c` (one of them, compiled),
`traced` (what torch.compile is told), `sequences` (forms of input), `states` (forms of state).
"""
