"""Fleets of any `nn.Module`: M members of one architecture that differ in seeds, hyperparameters and rows.

`task` says what all members share, `members` and `rows` what each has of its own. `ways` are the two ways of
running them, a loop and vmap; `trial` measures which is quicker here, and whether vmap gives the loop's
numbers; `plan` is what it decided. `crew` trains members in either way with one optimiser (`updates`),
`result` is what became of them.
"""
