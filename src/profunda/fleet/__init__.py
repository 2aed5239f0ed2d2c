"""Fleets: M networks that differ in hyperparameters, rows or seeds, trained together by one engine.

`member` and `source` say who is trained on what; `plan` groups members into packs by `shape` and `cost`.
`torch_engine` trains a pack; `state` is what a member can be resumed from, `history` what became of it,
`stopping` the one stopping rule, `forward` a trained member on new rows, `threads` holds torch to one thread.

Parts of the engine: `certification` (which shapes may be stacked), `trainer` and `evaluator` over a `roster`
of members, their `tables`, a `stack` of parameters and a `workspace` of passes; `activations`, `norms`,
`losses`, `masks`, `dropconnect`, `optimisers`, `schedules` and `vital_signs` hold the formulas.
"""
