"""Why a network does not train: a probe on the user's own loop, rules that read causes, remedies that are
proven.

`watching` and `diagnosing` are the two ways in. Both fill one `record.Record`: what the module is
(`anatomy`), what is asked of it (`tasks`, `losses`), what its rows are (`tables`), how signals pass it
(`surveys`) and what happened (`courses`). `rules` judge a Record, one file an area; `tracing` leaves one
finding for one cause.
"""
