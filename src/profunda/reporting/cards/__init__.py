"""Papers that write themselves: the datasheet, the model card and the metadata of a finished run.

`questions` holds what the two standards ask, `standards` how they stand beside similar papers. `run` reads
a run's folder and `filling` what a person has said; `datasheet` and `model_card` answer the questions from
both (`answering`) as a `card`. `markdown` and `sheets` write a card for people, `header` (in the YAML of
`front_matter`) the hub's metadata, `croissant` the data's for machines. `checking` finds what is empty,
missing or out of order in anybody's file by its `sections`, as `findings`. `making` is the whole: `card`.
"""
