"""Search: over fleets (`fleet_search`) or over a user's own objective (`objective`).

`samplers` propose, `rungs` says where trials are compared and which go on, `verdict` what became of each,
`budget` and `deadline` how much may be spent, `ledger` replays and records the decisions of a run, `progress`
shows it live, `result` is what comes out. `objective_trial`, `objective_order`, `objective_workers`,
`objective_memory` and `objective_files` are the parts of `objective`: one call, which comes next, who carries
it out, what is remembered, what is written.
"""
