"""The data room: from a file, a frame or arrays to a `Dataset`, its `Splits` and the numbers a network reads.

Modules: `reading` (the door), `delimited`, `files`, `frames` and `raw` (sources to raw columns), `memory`
(what fits), `numerals`, `dates`, `words` and `inference` (what each column is), `table` and `schema` (what
was inferred), `labels` and `task` (the target), `tasks` (the column that says whose a row is), `dataset`,
`leakage` (target copies, equal rows), `splits` with `dealing`, `preprocessing` with `layout` and `fitting`,
`tokens` (texts as numbers), and `bundled` (small real data).
"""
