"""Runs a game's C functions over dirty, guarded memory, which is where a vector of games will run them.

`State` cannot show what goes wrong there: its memory is cleared first and has no neighbours.
"""
import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from native.game cimport SIMULTANEOUS, Game, GameTable, State

cdef enum:
    GUARD = 64          # bytes on either side; keeps the alignment of what lies between


cdef class Guarded:
    """`size` bytes filled with `pattern` between two guards of the same."""
    cdef uint8_t[::1] block
    cdef readonly int size
    cdef uint8_t pattern

    def __init__(self, int size, uint8_t pattern):
        self.block = np.full(GUARD + size + GUARD, pattern, np.uint8)
        self.size, self.pattern = size, pattern

    cdef uint8_t *inside(self) noexcept:
        return &self.block[GUARD]

    def content(self):
        return bytes(self.block[GUARD:GUARD + self.size])

    def broken(self):
        """Whether a byte outside was written."""
        outside = bytes(self.block[:GUARD]) + bytes(self.block[GUARD + self.size:])
        return outside != bytes([self.pattern]) * (2 * GUARD)


cdef list compare(str function, Guarded first, Guarded second):
    """Complaints about one call made twice, over memory of different patterns."""
    found = []
    if first.broken() or second.broken():
        found.append(f"{function} writes outside its {first.size} bytes")
    if first.content() != second.content():
        found.append(f"{function} leaves some of its {first.size} bytes unwritten")
    return found


def audit(State state not None, action=None):
    """Sentences on what the C functions do wrong in `state` and in applying the legal `action`; empty if nothing.

    Found: bytes written past an end, bytes left unwritten, a wrong count of legal bytes, a legal action that is not
    where the mask has it, a state changed by reading it.
    """
    cdef Game game = state.game
    cdef GameTable *table = &game.table
    cdef Guarded a, b
    cdef int32_t[::1] given
    cdef uint64_t word_a, word_b
    cdef int count, player, bot
    before = state.to_bytes()
    found = []

    a, b = Guarded(table.state_bytes, 0x00), Guarded(table.state_bytes, 0xA5)
    table.reset(a.inside(), 7, table.options)
    table.reset(b.inside(), 7, table.options)
    found += compare("reset", a, b)

    a, b = Guarded(4 * table.num_players, 0x00), Guarded(4 * table.num_players, 0xA5)
    table.rewards(state.memory, <float *>a.inside())
    table.rewards(state.memory, <float *>b.inside())
    found += compare("rewards", a, b)

    if table.metrics != NULL and state.is_terminal:
        a, b = Guarded(4 * len(game.metric_names), 0x00), Guarded(4 * len(game.metric_names), 0xA5)
        table.metrics(state.memory, <float *>a.inside())
        table.metrics(state.memory, <float *>b.inside())
        found += compare("metrics", a, b)

    for player in range(table.num_players):
        a, b = Guarded(table.num_actions, 0x00), Guarded(table.num_actions, 0xA5)
        count = table.legal(state.memory, player, a.inside())
        table.legal(state.memory, player, b.inside())
        found += compare("legal", a, b)
        if count != sum(a.content()):
            found.append(f"legal answers {count} for seat {player}, its mask has {sum(a.content())} ones")

        a, b = Guarded(game.observation_bytes, 0x00), Guarded(game.observation_bytes, 0xA5)
        table.observe(state.memory, player, a.inside())
        table.observe(state.memory, player, b.inside())
        found += compare("observe", a, b)

        for bot in range(len(game.bot_names) if count > 0 else 0):
            a, b = Guarded(4 * table.num_heads, 0x00), Guarded(4 * table.num_heads, 0xA5)
            word_a = word_b = 11
            game.bots[bot](state.memory, player, &word_a, <int32_t *>a.inside())
            game.bots[bot](state.memory, player, &word_b, <int32_t *>b.inside())
            found += compare(f"bot {game.bot_names[bot]}", a, b)

        a = Guarded(table.state_bytes, 0xA5)
        memcpy(a.inside(), state.memory, table.state_bytes)
        table.redeterminize(a.inside(), player, 13)
        if a.broken():
            found.append("redeterminize writes outside the state")

    if table.nth_legal != NULL and not state.is_terminal:
        for count, legal in enumerate(state.legal_actions()):
            if table.nth_legal(state.memory, count) != legal:
                found.append(f"nth_legal says {table.nth_legal(state.memory, count)} where the mask says {legal}")

    if state.is_terminal:
        a = Guarded(table.state_bytes, 0xA5)
        memcpy(a.inside(), state.memory, table.state_bytes)
        given = np.zeros(table.num_heads * table.num_players, np.int32)
        if table.apply(a.inside(), &given[0]) == 0 or a.content() != before:
            found.append("apply does not refuse an action after the end, or changes the state")

    table.key(state.memory)
    if memcmp(<const uint8_t *><bytes>before, state.memory, table.state_bytes) != 0:
        found.append("the state was changed by functions that only read it")
    if action is not None:
        given = np.ascontiguousarray(action, dtype=np.int32).reshape(-1)
        if given.shape[0] != table.num_heads * (table.num_players if state.to_act() == SIMULTANEOUS else 1):
            raise ValueError(f"{game.name} does not take {given.shape[0]} action numbers here")
        a = Guarded(table.state_bytes, 0xA5)
        memcpy(a.inside(), state.memory, table.state_bytes)
        if table.apply(a.inside(), &given[0]) != 0:
            found.append(f"apply refuses {action}")
        if a.broken():
            found.append("apply writes outside the state")
    return found
