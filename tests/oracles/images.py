"""Naive twins of the image networks' blocks, pixel by pixel, and forwards that know only torchvision's names.

The loops read a block's tensors by name and nothing else of it. `by_name` builds the files that users have:
the tensors that torchvision's networks hold, written down from its names, not from ours.
"""

import math

import numpy as np
import torch
from torch.nn import functional


def convolved(x, weight, bias, stride=1, groups=1):
    """x [B, C, H, W] through a k×k convolution with (k − 1)/2 zeros around, sum by sum."""
    rows, _, height, width = x.shape
    leaves, part, kernel, _ = weight.shape
    pad = (kernel - 1) // 2
    made = np.zeros((rows, leaves, -(-height // stride), -(-width // stride)))
    for b, o, i, j in np.ndindex(made.shape):
        first = o // (leaves // groups) * part
        total = 0.0 if bias is None else bias[o]
        for c in range(part):
            for u in range(kernel):
                for v in range(kernel):
                    y, z = i * stride + u - pad, j * stride + v - pad
                    if 0 <= y < height and 0 <= z < width:
                        total += weight[o, c, u, v] * x[b, first + c, y, z]
        made[b, o, i, j] = total
    return made


def normed(x, tensors, prefix, eps):
    """Batch norm in evaluation, number by number."""
    made = np.empty_like(x)
    mean, var = tensors[f"{prefix}.running_mean"], tensors[f"{prefix}.running_var"]
    gain, shift = tensors[f"{prefix}.weight"], tensors[f"{prefix}.bias"]
    for place in np.ndindex(x.shape):
        c = place[1]
        made[place] = gain[c] * (x[place] - mean[c]) / math.sqrt(var[c] + eps) + shift[c]
    return made


def silu(x):
    return x / (1.0 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0.0)


def squeezed(x, tensors, prefix, phi):
    """Each channel times the weight that the means of all channels give it."""
    made = np.empty_like(x)
    w1, b1 = tensors[f"{prefix}.reduce.weight"][:, :, 0, 0], tensors[f"{prefix}.reduce.bias"]
    w2, b2 = tensors[f"{prefix}.restore.weight"][:, :, 0, 0], tensors[f"{prefix}.restore.bias"]
    for b in range(len(x)):
        means = [x[b, c].sum() / x[b, c].size for c in range(x.shape[1])]
        hidden = [phi(sum(w1[s, c] * means[c] for c in range(len(means))) + b1[s]) for s in range(len(w1))]
        for c in range(x.shape[1]):
            z = sum(w2[c, s] * hidden[s] for s in range(len(hidden))) + b2[c]
            made[b, c] = x[b, c] / (1.0 + math.exp(-z))
    return made


def _conv(x, tensors, prefix, stride=1, groups=1):
    return convolved(x, tensors[f"{prefix}.weight"], tensors.get(f"{prefix}.bias"), stride, groups)


def _conv_norm(x, tensors, prefix, eps, stride=1, groups=1):
    return normed(_conv(x, tensors, f"{prefix}.conv", stride, groups), tensors, f"{prefix}.norm", eps)


def mbconv(x, tensors, *, stride, expands, squeezes, skips, eps):
    """Expand, convolve each channel, weigh channels, project, add the input."""
    h = silu(_conv_norm(x, tensors, "expand", eps)) if expands else x
    h = silu(_conv_norm(h, tensors, "depthwise", eps, stride, h.shape[1]))
    h = squeezed(h, tensors, "squeeze_excitation", silu) if squeezes else h
    h = _conv_norm(h, tensors, "project", eps)
    return x + h if skips else h


def basic_block(x, tensors, *, stride, eps=1e-5):
    """Two 3×3 convolutions beside a shortcut."""
    h = relu(_conv_norm(x, tensors, "first", eps, stride))
    h = _conv_norm(h, tensors, "second", eps)
    shortcut = _conv_norm(x, tensors, "shortcut", eps, stride) if "shortcut.conv.weight" in tensors else x
    return relu(shortcut + h)


def dense_layer(x, tensors, *, bottleneck, eps=1e-5):
    """The input with the new maps behind it."""
    h = x
    for part in ("squeeze", "grow") if bottleneck else ("grow",):
        h = _conv(relu(normed(h, tensors, f"{part}.norm", eps)), tensors, f"{part}.conv")
    return np.concatenate([x, h], 1)


def transition(x, tensors, eps=1e-5):
    """A 1×1 convolution, and the means of 2×2 pixels; an odd row or column at the end is left out."""
    h = _conv(relu(normed(x, tensors, "norm", eps)), tensors, "conv")
    made = np.empty((*h.shape[:2], h.shape[2] // 2, h.shape[3] // 2))
    for b, c, i, j in np.ndindex(made.shape):
        made[b, c, i, j] = h[b, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].sum() / 4.0
    return made


def cropped(image, box, size):
    """The box (top, left, height, width) of an image [H, W] at size × size, bilinear, pixel by pixel."""
    top, left, tall, wide = box
    height, width = image.shape
    made = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            y = min(max(top + tall * (i + 0.5) / size - 0.5, 0.0), height - 1.0)
            x = min(max(left + wide * (j + 0.5) / size - 0.5, 0.0), width - 1.0)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
            upper = image[y0, x0] * (1 - x + x0) + image[y0, x1] * (x - x0)
            lower = image[y1, x0] * (1 - x + x0) + image[y1, x1] * (x - x0)
            made[i, j] = upper * (1 - y + y0) + lower * (y - y0)
    return made


# torchvision's networks, by the names of their tensors ----------------------------------------------


class Named(dict):
    """Tensors by name; a forward asks for one by name and shape, and the first to ask makes it."""

    def __init__(self, seed=0):
        super().__init__()
        self.random = torch.Generator().manual_seed(seed)

    def of(self, name, *shape, positive=False):
        if name not in self:
            drawn = torch.randn(shape, generator=self.random, dtype=torch.float64)
            self[name] = 0.5 + drawn.square() if positive else drawn / max(1, math.prod(shape[1:])) ** 0.5
        return self[name]

    def conv(self, x, name, leaves, kernel, stride=1, groups=1, bias=False):
        weight = self.of(f"{name}.weight", leaves, x.shape[1] // groups, kernel, kernel)
        shift = self.of(f"{name}.bias", leaves) if bias else None
        return functional.conv2d(x, weight, shift, stride, (kernel - 1) // 2, groups=groups)

    def norm(self, x, name, eps=1e-5):
        size = x.shape[1]
        mean, var = self.of(f"{name}.running_mean", size), self.of(f"{name}.running_var", size, positive=True)
        gain, shift = self.of(f"{name}.weight", size, positive=True), self.of(f"{name}.bias", size)
        return functional.batch_norm(x, mean, var, gain, shift, eps=eps)

    def linear(self, x, name, leaves):
        return x @ self.of(f"{name}.weight", leaves, x.shape[1]).T + self.of(f"{name}.bias", leaves)


def torchvision_resnet(t, x, blocks, width, classes):
    h = functional.max_pool2d(t.norm(t.conv(x, "conv1", width, 7, 2), "bn1").relu(), 3, 2, 1)
    for layer, count in enumerate(blocks, 1):
        for block in range(count):
            at, leaves = f"layer{layer}.{block}", width * 2 ** (layer - 1)
            stride = 2 if layer > 1 and block == 0 else 1
            made = t.norm(t.conv(h, f"{at}.conv1", leaves, 3, stride), f"{at}.bn1").relu()
            made = t.norm(t.conv(made, f"{at}.conv2", leaves, 3), f"{at}.bn2")
            if stride > 1:
                h = t.norm(t.conv(h, f"{at}.downsample.0", leaves, 1, stride), f"{at}.downsample.1")
            h = (h + made).relu()
    return t.linear(h.mean((2, 3)), "fc", classes)


def torchvision_densenet(t, x, layers, growth, classes):
    h = t.norm(t.conv(x, "features.conv0", 2 * growth, 7, 2), "features.norm0").relu()
    h = functional.max_pool2d(h, 3, 2, 1)
    for block, count in enumerate(layers, 1):
        if block > 1:
            at = f"features.transition{block - 1}"
            h = functional.avg_pool2d(
                t.conv(t.norm(h, f"{at}.norm").relu(), f"{at}.conv", h.shape[1] // 2, 1), 2
            )
        for layer in range(1, count + 1):
            at = f"features.denseblock{block}.denselayer{layer}"
            made = t.conv(t.norm(h, f"{at}.norm1").relu(), f"{at}.conv1", 4 * growth, 1)
            made = t.conv(t.norm(made, f"{at}.norm2").relu(), f"{at}.conv2", growth, 3)
            h = torch.cat([h, made], 1)
    h = t.norm(h, "features.norm5").relu()
    return t.linear(h.mean((2, 3)), "classifier", classes)


def torchvision_efficientnet(t, x, stages, stem, top, classes):
    """`stages`: rows (expansion, kernel, stride, leaves, blocks) after all rounding."""

    def conv_norm(h, name, *shape, **kinds):
        return t.norm(t.conv(h, f"{name}.0", *shape, **kinds), f"{name}.1")

    h = functional.silu(conv_norm(x, "features.0", stem, 3, 2))
    for number, (expansion, kernel, first, leaves, count) in enumerate(stages, 1):
        for block in range(count):
            stride, arrives, made, place = first if block == 0 else 1, h.shape[1], h, 0
            at = f"features.{number}.{block}.block"
            if expansion > 1:
                made, place = functional.silu(conv_norm(made, f"{at}.0", arrives * expansion, 1)), 1
            wide = made.shape[1]
            made = functional.silu(conv_norm(made, f"{at}.{place}", wide, kernel, stride, groups=wide))
            means, se = made.mean((2, 3), keepdim=True), f"{at}.{place + 1}"
            hidden = functional.silu(t.conv(means, f"{se}.fc1", max(1, arrives // 4), 1, bias=True))
            made = made * torch.sigmoid(t.conv(hidden, f"{se}.fc2", wide, 1, bias=True))
            made = conv_norm(made, f"{at}.{place + 2}", leaves, 1)
            h = h + made if stride == 1 and arrives == leaves else made
    h = functional.silu(conv_norm(h, f"features.{len(stages) + 1}", top, 1))
    return t.linear(h.mean((2, 3)), "classifier.1", classes)
