"""Programs to diagnose: networks and trainings with one mistake each, the same without, and healthy ones.

`program` says what a program is. `sources` and `spoiling` give rows, `nets` and `odd_nets` networks;
`losses`, `starting` and `stepping` the rest, `plans` trainings without mistakes. `cases_*` spoil these one
at a time, `slips_*` are the loops among them. `healthy` and `healthy_loops` should be left alone.
`everything` lists and splits them all; `fitting` trains with nobody watching, `diagnosing` diagnoses, and
`verdicts` counts.
"""
