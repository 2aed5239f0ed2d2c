"""The main job, in one place: read → split → search → select → score → report.

`fitting` holds `fit` and `resume`, `settings` what a run was asked to do, `course` the pipeline. `choosing`
weighs the candidates, `refitting` is the last training of the chosen networks, `judging` the score,
`baselines` are its honest rivals, `rivals` their estimators and `allowance` what keeps them to a time;
`outcome` is what a run produced.
"""
