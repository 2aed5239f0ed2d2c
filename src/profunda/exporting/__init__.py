"""A Model as something else: `module` makes it one plain `nn.Module`, `preprocessing` is its first layer."""
