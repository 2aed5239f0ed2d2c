"""Search: over fleets (`fleet_search`) or over a user's own objective (`objective`).

`samplers` propose, `rungs` says where trials are compared and which go on, `verdict` what became of each,
`budget` and `deadline` how much may be spent, `terminators` when less is enough (by `regret`, a bound),
`limits` what is never trained, `foresight` what theory rules out and how that held, `ledger` replays and
records the decisions of a run, `progress` shows it live, `result` is what comes out, with the `front` of best
compromises. Of a search over fleets `drawing` says what a bracket holds, the `portfolio` and a `prospect` of
costs among it, and `race` holds its trials; `causes` says why each ended, by a diagnosis's rules on its
`lives`, and `explaining` which settings brought that about: `patterns` of `conditions`. The parts of
`objective` are `objective_terms`, what must not change; `objective_trial`, one call; `objective_order` and,
with rungs, `objective_brackets`, which comes next; `objective_start`, what a warm start hands on;
`objective_workers`, who carries it out; `objective_memory`, `objective_checkpoints` and `objective_files`,
what is remembered, kept and written.
"""
