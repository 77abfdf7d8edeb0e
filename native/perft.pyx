"""Counting the lines of play of a game to a given depth, to compare two implementations of its rules."""
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

from native.game cimport SIMULTANEOUS_MOVES, TERMINAL, GameTable, State
from native.masks cimport MASK_PADDING, word_at


cdef inline size_t level_bytes(const GameTable *table) noexcept nogil:
    """Room for a state and its mask, such that the next state is aligned too."""
    return (table.state_bytes + table.num_actions + MASK_PADDING + 7) // 8 * 8


cdef int64_t count(const GameTable *table, uint8_t *level, int32_t depth, bint by_turn) noexcept nogil:
    """Lines from the state at `level`; behind it lie its mask, then the deeper levels."""
    cdef int32_t seat = table.to_act(level), action, legal
    cdef uint8_t *mask = level + table.state_bytes
    cdef uint8_t *child = level + level_bytes(table)
    cdef int64_t total = 0
    if depth == 0:
        return 1
    if seat == TERMINAL:
        return 0
    legal = table.legal(level, seat, mask)
    if depth == 1 and not by_turn:
        return legal
    action = -1
    while legal > 0:
        action += 1
        while action % 8 == 0 and not word_at(mask + action):
            action += 8
        if mask[action]:
            legal -= 1
            memcpy(child, level, table.state_bytes)
            table.apply(child, &action)
            total += count(table, child, depth - (not by_turn or table.to_act(child) != seat), by_turn)
    return total


cdef int64_t lines(State state, int depth, bint by_turn) except -1:
    cdef const GameTable *table = &state.game.table
    cdef int64_t found
    if table.num_heads != 1 or table.flags & SIMULTANEOUS_MOVES:
        raise ValueError(f"perft needs a game of one action at a time, {state.game.name} has more")
    if depth < 0:
        raise ValueError(f"depth must be at least 0, got {depth}")
    levels = (table.max_length if by_turn else depth) + 1
    cdef uint8_t *room = <uint8_t *>PyMem_Malloc(levels * level_bytes(table))
    if room == NULL:
        raise MemoryError
    memcpy(room, state.memory, table.state_bytes)
    with nogil:
        found = count(table, room, depth, by_turn)
    PyMem_Free(room)
    return found


def perft(State state not None, int depth):
    """Number of sequences of exactly `depth` legal actions; a game that ends earlier counts for nothing.

    Raises ValueError for simultaneous moves, several heads or a negative depth.
    """
    return lines(state, depth, False)


def perft_turns(State state not None, int depth):
    """Number of sequences of `depth` turns, each of them all that one seat plays until another acts or the game ends.

    Sequences of actions that lead to the same position count apart. Errors as in `perft`.
    """
    return lines(state, depth, True)
