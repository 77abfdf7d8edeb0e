"""Beasty Bar states as plain data, in the notation of the conformance files, and a traced turn.

A position is a dict: q queue (front first), bar, out as card codes `100 * owner + strength`; h hands and d draw piles
(next card first) per seat as strengths; p the seat to act, which goes on turning at the end; t cards played so far.
"""
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from envs.beasty_bar.state cimport DECK, HAND, BeastyBar, cards_left, score_of
from envs.beasty_bar.turn cimport (
    ACTIONS_PER_CARD, NUM_SPECIES, OWNER_SHIFT, Turn, five_check, owner_of, play_ability, points_of, recurring_pass,
    strength_of
)
from native.game cimport Game, State

SPECIES = (
    "skunk", "parrot", "kangaroo", "monkey", "chameleon", "seal",
    "zebra", "giraffe", "snake", "crocodile", "hippo", "lion",
)
"""By strength: the species of strength 1 comes first."""
POINTS = tuple(points_of(strength) for strength in range(1, NUM_SPECIES + 1))
"""By strength, as `SPECIES`."""

_FIELDS = ("q", "bar", "out", "h", "d", "p", "t")


cdef BeastyBar *memory_of(State state) except NULL:
    if state.game.name != "beasty_bar":
        raise ValueError(f"expected a state of beasty_bar, got one of {state.game.name}")
    return <BeastyBar *>state.memory


cdef list codes(const uint8_t *cards, int count):
    cdef int i
    return [100 * owner_of(cards[i]) + strength_of(cards[i]) for i in range(count)]


def _checked(str field, object cards, int most, int players, set seen, owner=None):
    """The cards as bytes of the state. Raises ValueError for a wrong number, a wrong code or a card met before."""
    if not isinstance(cards, (list, tuple)) or len(cards) > most:
        raise ValueError(f"{field} must be a list of at most {most} cards, got {cards!r}")
    found = bytearray()
    for code in cards:
        if not isinstance(code, int) or not 0 <= code // 100 < (players if owner is None else 1):
            raise ValueError(f"{field} has no such card as {code!r} for {players} seats")
        seat = code // 100 if owner is None else owner
        if not 1 <= code % 100 <= NUM_SPECIES:
            raise ValueError(f"{field}: the strength of card {code} must be from 1 to {NUM_SPECIES}, got {code % 100}")
        if (seat, code % 100) in seen:
            raise ValueError(f"{field}: the {SPECIES[code % 100 - 1]} of seat {seat} is there twice")
        seen.add((seat, code % 100))
        found.append((seat << OWNER_SHIFT if owner is None else 0) | code % 100)
    return bytes(found)


def from_dict(Game game not None, position):
    """The state that `position` describes. Cards may be missing, never twice. Raises ValueError for what cannot be."""
    cdef int seat, players = game.table.num_players
    if game.name != "beasty_bar":
        raise ValueError(f"expected the game beasty_bar, got {game.name}")
    if set(position) != set(_FIELDS):
        raise ValueError(f"a position has the fields {', '.join(_FIELDS)}, got {', '.join(map(str, position))}")
    for field in _FIELDS[3:5]:
        if len(position[field]) != players:
            raise ValueError(f"{field} must hold one list for each of {players} seats, got {len(position[field])}")
    if position["p"] not in range(players):
        raise ValueError(f"p must be a seat from 0 to {players - 1}, got {position['p']!r}")
    if position["t"] not in range(game.table.max_length + 1):
        raise ValueError(f"t must be from 0 to {game.table.max_length}, got {position['t']!r}")
    cdef State state = game.new_state(0)
    cdef BeastyBar *s = memory_of(state)
    cdef set seen = set()
    queue = _checked("q", position["q"], 4, players, seen)
    bar = _checked("bar", position["bar"], NUM_SPECIES * players, players, seen)
    out = _checked("out", position["out"], NUM_SPECIES * players, players, seen)
    s.num_queue, s.num_bar, s.num_out = len(queue), len(bar), len(out)
    memcpy(s.queue, <const char *>queue, len(queue))
    memcpy(s.bar, <const char *>bar, len(bar))
    memcpy(s.out, <const char *>out, len(out))
    for seat in range(players):
        hand = _checked(f"h[{seat}]", position["h"][seat], HAND, players, seen, seat)
        deck = _checked(f"d[{seat}]", position["d"][seat], DECK, players, seen, seat)[::-1]
        s.num_hand[seat], s.num_deck[seat] = len(hand), len(deck)
        hand, deck = hand.ljust(HAND, b"\0"), deck.ljust(DECK, b"\0")
        memcpy(s.hand[seat], <const char *>hand, HAND)
        memcpy(s.deck[seat], <const char *>deck, DECK)
    s.active, s.turn = position["p"], position["t"]
    s.over = s.turn > 0 and cards_left(s) < 5
    if not s.over and not state.legal_actions():
        raise ValueError(f"seat {s.active} is to act with hand {position['h'][s.active]} but can play none of it")
    return state


def to_dict(State state not None):
    """The position of `state`, all of it: the hidden cards too."""
    cdef const BeastyBar *s = memory_of(state)
    cdef int seat, i
    return {
        "q": codes(s.queue, s.num_queue),
        "bar": codes(s.bar, s.num_bar),
        "out": codes(s.out, s.num_out),
        "h": [[s.hand[seat][i] for i in range(s.num_hand[seat])] for seat in range(s.players)],
        "d": [[s.deck[seat][i] for i in range(s.num_deck[seat] - 1, -1, -1)] for seat in range(s.players)],
        "p": s.active,
        "t": s.turn,
    }


def scores(State state not None):
    """Points, or under `scoring="animals"` animals, that each seat has in the bar."""
    cdef const BeastyBar *s = memory_of(state)
    return [score_of(s, seat) for seat in range(s.players)]


def trace_turn(State state not None, int action):
    """The steps of `action`, `state` unchanged: a dict of card codes.

    queue_after_ability, queue_after_recurring: the queue after steps 2 and 3; queue, bar, out: the queue at the end of
    the turn and the cards that this turn admitted and removed. Raises ValueError if the action is illegal.
    """
    cdef const BeastyBar *s = memory_of(state)
    cdef Turn t
    cdef int i, slot = action // ACTIONS_PER_CARD
    if action not in state.legal_actions():
        raise ValueError(f"beasty_bar: action {action} is illegal; legal are {state.legal_actions()}")
    t.length, t.num_out, t.num_bar = s.num_queue, 0, 0
    for i in range(s.num_queue):
        t.queue[i] = s.queue[i]
    play_ability(&t, s.active << OWNER_SHIFT | s.hand[s.active][slot], action % ACTIONS_PER_CARD)
    ability = codes(t.queue, t.length)
    recurring_pass(&t, s.one_step)
    recurring = codes(t.queue, t.length)
    five_check(&t)
    return {
        "queue_after_ability": ability,
        "queue_after_recurring": recurring,
        "queue": codes(t.queue, t.length),
        "bar": codes(t.bar, t.num_bar),
        "out": codes(t.out, t.num_out),
    }
