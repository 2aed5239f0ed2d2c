"""Recurrent networks gate by gate, NT-ASGD and beam search as their papers' lines say, all in loops."""

import itertools
import math

import numpy as np

__all__ = ["algorithm_1", "every_caption", "greedy_caption", "lstm_steps", "read_words"]


def _sigmoid(z):
    return 1.0 / (1.0 + math.exp(-z))


def lstm_steps(x, h, c, weight_ih, weight_hh, bias):
    """Hidden states [T, B, H] of one LSTM layer: step by step, sequence by sequence, unit by unit."""
    steps, batch, units = len(x), len(x[0]), len(h[0])
    h, c = [list(row) for row in h], [list(row) for row in c]
    made = np.empty((steps, batch, units))
    for t in range(steps):
        for b in range(batch):
            gates = [
                sum(w * v for w, v in zip(weight_ih[g], x[t][b], strict=True))
                + sum(w * v for w, v in zip(weight_hh[g], h[b], strict=True))
                + bias[g]
                for g in range(4 * units)
            ]
            after = []
            for u in range(units):
                enter, forget = _sigmoid(gates[u]), _sigmoid(gates[units + u])
                new, leave = math.tanh(gates[2 * units + u]), _sigmoid(gates[3 * units + u])
                c[b][u] = forget * c[b][u] + enter * new
                after.append(leave * math.tanh(c[b][u]))
            h[b] = after
            made[t, b] = after
    return made, np.array(h), np.array(c)


def read_words(ids, table, layers, decoder, masks, states):
    """Logits [T, B, V], hidden and dropped [T, B, H] of an AWD-LSTM, with every mask handed in.

    `layers` are (W_ih, W_hh, b_ih, b_hh); `masks` has "words" [V, 1], "inputs" [B, E], "weights" one [4H, H]
    a layer and "behind" one [B, H] a layer, each with its scale 1/(1 − p).
    """
    steps, batch = ids.shape
    x = np.array([[table[ids[t, b]] * masks["words"][ids[t, b]] for b in range(batch)] for t in range(steps)])
    x = np.array([[x[t, b] * masks["inputs"][b] for b in range(batch)] for t in range(steps)])
    hidden = x
    for number, (w_ih, w_hh, b_ih, b_hh) in enumerate(layers):
        h, c = states[number]
        hidden, _, _ = lstm_steps(x, h, c, w_ih, w_hh * masks["weights"][number], b_ih + b_hh)
        x = np.array(
            [[hidden[t, b] * masks["behind"][number][b] for b in range(batch)] for t in range(steps)]
        )
    weight, bias = decoder
    logits = np.array([[weight @ x[t, b] + bias for b in range(batch)] for t in range(steps)])
    return logits, hidden, x


def algorithm_1(w, gradient, rate, steps, interval, n, perplexity):
    """Merity et al. (2018), algorithm 1: (T, mean of the points from the judged one on, all points).

    A point is what the SGD step of line 3 leads to. T is None where averaging never began.
    """
    k, t, trigger, logs, points = 0, 0, None, [], []
    while k < steps:
        w = w - rate * gradient(w, k)  # line 3
        points.append(w)
        if k % interval == 0 and trigger is None:  # line 4; T = 0 stands for "not yet"
            v = perplexity(w)  # line 5
            if t > n and v > min(logs[: t - n]):  # line 6: l in 0 … t − n − 1
                trigger = k  # line 7
            logs.append(v)  # line 9
            t += 1  # line 10
        k += 1  # line 12
    if trigger is None:
        return None, w, points
    kept = points[trigger:]
    return trigger, sum(kept) / len(kept), points


def every_caption(chance, words, longest):
    """All captions of up to `longest` words from `words`, with log p of the words and of the stop behind.

    `chance(caption, word)` is p(word | caption); the stop is word 0.
    """
    found = []
    for count in range(longest + 1):
        for caption in itertools.product(words, repeat=count):
            log_p = math.log(chance(caption, 0))
            for place, word in enumerate(caption):
                log_p += math.log(chance(caption[:place], word))
            found.append((caption, log_p))
    return found


def greedy_caption(chance, words, longest):
    """The most probable word, again and again, until that is the stop or the caption is full."""
    caption = ()
    while len(caption) < longest:
        best = max([0, *words], key=lambda word: chance(caption, word))
        if best == 0:
            break
        caption += (best,)
    return caption
