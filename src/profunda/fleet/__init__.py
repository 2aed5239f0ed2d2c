"""Fleets: M networks that differ in hyperparameters, rows or seeds, trained together by one engine.

`member` and `source` say who is trained on what, `plan` groups members into packs, `torch_engine` trains a
pack, `state` is what a member can be resumed from, `history` is what became of it, `stopping` is the one
stopping rule.
"""
