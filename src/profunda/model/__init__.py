"""The fitted thing: what the search leaves behind for use.

`model` holds the Model, a weighted mean of networks with their preprocessing; `parts` what it is made of;
`selection` the rules that choose among candidates; `calibration` the temperature; `writing` and `saving` its
folder on disk, there and back, in the format that `folder` guards; `score` the honest number and those of the
baselines.
"""
