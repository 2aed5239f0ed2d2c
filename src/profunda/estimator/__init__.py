"""Scikit-learn faces of the main job: `classifier`, `regressor`; `fleet` they share, `tables` is the door."""
