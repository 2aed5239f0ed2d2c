"""The main job, in one place: read → split → search → select → score → report.

`fitting` holds `fit` and `resume`, `settings` what a run was asked to do, `origin` where its data come from,
`course` the pipeline of one search, `whole` the run: one search, or several where validation is `nested`.
`earlier` is what a warm start takes over. `choosing` weighs the candidates, `refitting` is the last training
of the chosen networks, `judging` the score, `keeping` the model's place on disk. `baselines` are the honest
rivals, `rivals` their estimators, `allowance` keeps them to a time; `outcome` is what a run produced.
"""
