"""`native/random.pxd` once more, in Python integers."""
from __future__ import annotations

WORD = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * FIRST) & WORD
    z = ((z ^ (z >> 27)) * SECOND) & WORD
    return z ^ (z >> 31)


def next_word(rng: int) -> tuple[int, int]:
    """`(word, rng)`: 64 random bits and the generator's next state."""
    rng = (rng + STEP) & WORD
    return mix(rng), rng


def below(rng: int, bound: int) -> tuple[int, int]:
    """`(number, rng)`, the number from 0 to bound - 1."""
    word, rng = next_word(rng)
    return ((word >> 32) * bound) >> 32, rng


def uniform(rng: int) -> tuple[float, int]:
    """`(number, rng)`, the number in [0, 1)."""
    word, rng = next_word(rng)
    return (word >> 11) * 2.0**-53, rng


def derive(seed: int, stream: int) -> int:
    return mix(mix((seed + STEP) & WORD) ^ ((stream * 0xD1342543DE82EF95 + 1) & WORD))


def generator_before(word: int) -> int:
    """The generator whose next word is `word`: `mix` undone, step by step."""
    z = _unshift(word, 31)
    z = _unshift((z * pow(SECOND, -1, 1 << 64)) & WORD, 27)
    z = _unshift((z * pow(FIRST, -1, 1 << 64)) & WORD, 30)
    return (z - STEP) & WORD


def _unshift(z: int, by: int) -> int:
    """x where z = x ^ (x >> by)."""
    x = z
    for _ in range(64 // by):
        x = z ^ (x >> by)
    return x
