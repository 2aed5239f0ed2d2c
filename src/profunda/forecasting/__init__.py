"""What theory says about a network before it is trained, line by line, beside what is measured.

`forecast` makes the table; `values` and `lines` are what it is made of. `subjects` reads a Design or a
module, `rows` the data, `measuring` what the networks show; `laws` walks a signal through the layers,
`outlook` sets prediction beside measurement. `sizes`, `signals`, `gradients`, `kernels`, `ranks` and
`capacity` hold the lines; `learnability` makes a score, `advice` recommends, `words` sums up under three
heads, `writing` prints. `trainable` is the score alone, quick enough for a search.
"""
