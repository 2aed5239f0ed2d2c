"""The loss as a landscape."""
