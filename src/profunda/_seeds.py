"""Random numbers as a stateless hash of names: the same in any order, on any number of workers.

The algorithm, to the bit (u32 and u64 arithmetic wraps; ``>>`` is logical)::

    key(names)       first 8 bytes, little-endian, of blake2b(digest_size=8) over the names' texts,
                     joined by byte 0x1f
    mix64(z)         z ^= z >> 30; z *= 0xbf58476d1ce4e5b9; z ^= z >> 27; z *= 0x94d049bb133111eb;
                     z ^= z >> 31
    streams          s = mix64(key ^ key("purpose", purpose))
    subkeys          s = streams; s = mix64(s + step * G); s = mix64(s + (layer + 1) * G),
                     with G = 0x9e3779b97f4a7c15
    mix32(x)         x ^= x >> 16; x *= 0x7feb352d; x ^= x >> 15; x *= 0x846ca68b; x ^= x >> 16
    premix(i)        mix32(i * 0x9e3779b9 + 1)
    bits(key)[i]     x = premix(i) + low32(key); x ^= x >> 16; x *= 0x7feb352d; x += high32(key);
                     x ^= x >> 15; x *= 0x846ca68b; x ^= x >> 16
    halfwords[2i]    low 16 bits of bits[i];  halfwords[2i + 1] its high 16 bits
    uniforms[i]      (bits[i] + 0.5) / 2^32, in float64
    normals          h = ceil(n / 2), u = uniforms of 2h; r = sqrt(-2 ln u[i]), a = 2 pi u[h + i];
                     normals[i] = r cos a, normals[h + i] = r sin a
                     (Box and Muller 1958; last bits depend on libm)
    permutations     the indices of bits[0..n), sorted by (bits, index)

mix64 is the finaliser of SplitMix64 (Steele, Lea and Flood 2014), mix32 the 32-bit mix of Wellons' hash
prospector (2018, "lowbias32"). Streams of keys that came from `subkeys` are independent by all of our
tests; keys made by hand that differ in a few bits need not be. Not for cryptography.
"""

import hashlib
from functools import lru_cache

import numpy as np

__all__ = [
    "bits",
    "halfwords",
    "key",
    "keys_of",
    "mix64",
    "normals",
    "permutations",
    "premix",
    "streams",
    "subkey",
    "subkeys",
    "uniforms",
]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MUL_A, _MUL_B = np.uint32(0x7FEB352D), np.uint32(0x846CA68B)
_ALL = (1 << 64) - 1
_KEPT_WORDS = 1 << 16
_SHIFT_15, _SHIFT_16 = np.uint32(15), np.uint32(16)


def key(*names: str | int) -> int:
    """A 64-bit key of `names`, the same in every process and on every machine."""
    text = b"\x1f".join(str(name).encode() for name in names)
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def keys_of(keys: "list[int] | tuple[int, ...]") -> np.ndarray:
    """Python integers as the array [M] that the other functions take."""
    return np.array(keys, dtype=np.uint64)


@lru_cache(maxsize=256)
def _purpose(name: str) -> np.uint64:
    return np.uint64(key("purpose", name))


def mix64(z: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 on u64 of any shape; every bit of `z` reaches every bit of the result."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def streams(keys: np.ndarray, purpose: str) -> np.ndarray:
    """What `subkeys` makes of keys and purpose before step and layer come in: u64 like `keys`."""
    with np.errstate(over="ignore"):
        return mix64(np.asarray(keys, np.uint64) ^ _purpose(purpose))


def subkeys(
    keys: np.ndarray, purpose: str, step: int | np.ndarray = 0, layer: int | np.ndarray = 0
) -> np.ndarray:
    """Keys for one purpose, step and layer: u64, the shape that `keys`, `step` and `layer` broadcast to."""
    with np.errstate(over="ignore"):
        second = mix64(streams(keys, purpose) + np.asarray(step, np.uint64) * _GOLDEN)
        return mix64(second + (np.asarray(layer, np.uint64) + np.uint64(1)) * _GOLDEN)


def subkey(key: int, purpose: str, step: int = 0, layer: int = 0) -> int:
    """`subkeys` of one key, in Python's integers: ten times as fast for one."""
    golden = int(_GOLDEN)
    second = _mix64(_mix64(key ^ int(_purpose(purpose))) + step * golden & _ALL)
    return _mix64(second + (layer + 1) * golden & _ALL)


def _mix64(z: int) -> int:
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _ALL
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _ALL
    return z ^ z >> 31


def premix(n: int) -> np.ndarray:
    """The part of `bits` that no key changes: uint32 [n], read-only."""
    return _premixed(n) if n <= _KEPT_WORDS else _premix(n)


@lru_cache(maxsize=64)
def _premixed(n: int) -> np.ndarray:
    made = _premix(n)
    made.flags.writeable = False
    return made


def _premix(n: int) -> np.ndarray:
    x = np.arange(n, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(1)
    x = (x ^ (x >> _SHIFT_16)) * _MUL_A
    x = (x ^ (x >> _SHIFT_15)) * _MUL_B
    return x ^ (x >> _SHIFT_16)


def bits(
    keys: np.ndarray,
    n: int,
    *,
    table: np.ndarray | None = None,
    out: np.ndarray | None = None,
    scratch: np.ndarray | None = None,
) -> np.ndarray:
    """`n` random words per key: uint32 [M, n]. `table` is a kept `premix(n)`, `out` and `scratch` buffers."""
    keys = np.asarray(keys, np.uint64)
    words = (keys[:, None] & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    salt = (keys[:, None] >> np.uint64(32)).astype(np.uint32)
    x = np.add(premix(n) if table is None else table, words, out=out)
    shifted = np.right_shift(x, _SHIFT_16, out=scratch)
    np.bitwise_xor(x, shifted, out=x)
    np.multiply(x, _MUL_A, out=x)
    np.add(x, salt, out=x)
    np.bitwise_xor(x, np.right_shift(x, _SHIFT_15, out=shifted), out=x)
    np.multiply(x, _MUL_B, out=x)
    return np.bitwise_xor(x, np.right_shift(x, _SHIFT_16, out=shifted), out=x)


def halfwords(keys: np.ndarray, n: int) -> np.ndarray:
    """`n` random 16-bit numbers per key, two from each word: uint16 [M, n]."""
    return bits(keys, (n + 1) // 2).astype("<u4", copy=False).view("<u2")[:, :n]


def uniforms(keys: np.ndarray, n: int) -> np.ndarray:
    """`n` numbers per key, uniform on the open interval (0, 1): float64 [M, n]."""
    return (bits(keys, n).astype(np.float64) + 0.5) * 2.0**-32


def normals(keys: np.ndarray, n: int) -> np.ndarray:
    """`n` standard normal numbers per key: float64 [M, n]."""
    half = (n + 1) // 2
    u = uniforms(keys, 2 * half)
    radius, angle = np.sqrt(-2.0 * np.log(u[:, :half])), 2.0 * np.pi * u[:, half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)[:, :n]


def permutations(keys: np.ndarray, n: int) -> np.ndarray:
    """One random order of 0..n-1 per key: int64 [M, n]."""
    ranked = (bits(keys, n).astype(np.uint64) << np.uint64(32)) | np.arange(n, dtype=np.uint64)
    ranked.sort(axis=1)
    return (ranked & np.uint64(0xFFFFFFFF)).astype(np.int64)
