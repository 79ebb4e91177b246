"""Cells as ONNX: what `torch.onnx.export` writes for a layer that it has traced.

Read `meaning` (each operation as ONNX nodes), then `scan` (any cell as one Scan) and `fused` (the
cells that ONNX has nodes for), and `translation`, which picks. The packages onnx and onnxscript,
an extra, are imported where they are used.
"""
