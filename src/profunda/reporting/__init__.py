"""What a run found, told as one Document: a tree of blocks that becomes one HTML file, JSON or plain text.

`blocks` and `document` are the tree; `page`, `drawings` and `plain` turn it into HTML, SVG and text. `story`
tells a run of the main job from its `evidence`, `reports` a search, a history or a model alone. Each part of
the page has its module: `headline`, `checks`, `fleet` (with `curves`, `landscape`, `importance` and
`ladder`), `champion`, `predictions`, `tables`, `reproduce`. `summary` is a run in a few machine-readable
numbers; `standing` orders trials, `comparison` scores; `words` and `palette` say numbers and choose colours,
`figures` frames Plotly's JSON.
"""
