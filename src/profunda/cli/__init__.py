"""Words into calls, nothing else.

`app` names the commands and turns every ending into an exit code; `fit`, `predict`, `resume`,
`report` and `info` hold one command each; `run_folder` names runs and says how to go on with
them; `whole` reads whole numbers; `result` prints what a run found. Nothing heavy is imported
before a command runs.
"""
