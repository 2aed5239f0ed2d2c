"""Search: over fleets (`fleet_search`) or over a user's own objective (`objective`).

`samplers` propose, `rungs` says where trials are compared and which go on, `budget` how much may be spent,
`ledger` replays and records the decisions of a run, `progress` shows it live, `result` is what comes out.
"""
