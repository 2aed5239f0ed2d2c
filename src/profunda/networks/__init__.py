"""From a Design to an `nn.Module` and back, and from its outputs to a prediction.

`layout` is the one order of parameters, `initial` draws the first ones, `dense` builds modules, `folding`
takes batch norm out of them, `prediction` reads their raw outputs.
"""
