"""Scikit-learn faces of the main job: `classifier`, `regressor`, and what both share in `fitting`."""
