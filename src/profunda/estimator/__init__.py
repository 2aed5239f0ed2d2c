"""Scikit-learn faces of the main job: `classifier` and `regressor`; `fleet` is what both share, `tables` the
door.
"""
