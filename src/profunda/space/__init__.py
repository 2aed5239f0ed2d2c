"""What can be searched: domains as data, conditional spaces, the Design of one network, and advice.

`domain` holds the domains of one hyperparameter, `space` a named set of them with conditions, `design` one
dense network with its training recipe, `table` the default space of tables and the way from its parameters to
a Design, `widths` the width rules of the source text, `guidance` that text's advice with the reason of each
number.
"""
