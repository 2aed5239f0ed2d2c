"""From a Design to a plain `nn.Module` and back: `layout` is the one order of parameters, `dense` builds
networks."""
