"""What bodies compute: pictures and texts to the numbers that enter a network's first layer.

`held` reads their tensors from a flat vector, `pictures` and `texts` are the passes, `reading` chooses one.
"""
