"""What theory says about a network before it is trained, line by line, beside what is measured.

`forecast` makes the table, `values` are what it is made of, `subjects` read a Design or a module, `rows` the
data, `measuring` what the networks show; `sizes`, `signals`, `gradients`, `kernels`, `ranks` and `capacity`
hold the lines, `learnability` sums them up in a score, `advice` recommends, `words` tell it under three
heads; `trainable` is the score alone, quick enough for a search.
"""
