"""From a Design to an `nn.Module` and back: `layout`, then `initial` parameters, `dense` modules."""
