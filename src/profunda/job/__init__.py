"""The main job, in one place: read → split → search → select → score → report.

`fitting` is the pipeline, `baselines` its honest rivals, `refitting` the last training of the chosen
networks,
`outcome` what a run produced.
"""
