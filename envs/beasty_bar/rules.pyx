"""Beasty Bar (Zoch 2014; computer version of beastybar with its quirks) for 2 to 4 seats.

Action: `31 * hand slot + r`, r = 0 without a parameter, 1 + 6p with one, 2 + 6p + s with two: a kangaroo's hop (1, 2),
a parrot's target, a chameleon's model and then the hop or target that a copied kangaroo or parrot takes. Targets are
places in the queue before the card is played, 0 in front. With 3 or 4 seats a parrot or chameleon that finds no target
may be played without a parameter and does nothing (official rule; with 2 seats it cannot be played, and some other
card always can).

Observation of a viewer, uint8 of 0 and 1, `[97 P + 48]` for P seats; seat d of it is `d` places after the viewer,
species are in order of strength (skunk first):
    queue       4 places x P owners x 12 species, from the front
    hand        4 slots x 12 species, the viewer's own
    bar         P owners x 12 species: is the card in the bar
    out         P owners x 12 species: has the card been removed
    unseen      P owners x 12 species: own draw pile; others' hand and draw pile together
    hand size   P seats x 4, unary: k ones for k cards
    deck size   P seats x 8, unary
    to act      P seats, all 0 at the end

Rewards at the end: (seats beaten - seats ahead) / (P - 1), so +1, 0, -1 for two seats; the sum is 0.
"""
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from envs.beasty_bar.bots cimport add_bots
from envs.beasty_bar.state cimport DECK, HAND, SEATS, BeastyBar, cards_left, score_of, standing_of
from envs.beasty_bar.turn cimport (
    ACTIONS_PER_CARD, NUM_SPECIES, OWNER_SHIFT, Turn, legal_parameters, lowest_bit, owner_of, play_turn, strength_of
)
from native.game cimport HIDDEN, STOCHASTIC, TERMINAL, UINT8, ZERO_SUM, Game, GameTable, new_game
from native.random cimport below, derive, mix

cdef enum:     # slots of GameTable.options
    PLAYERS = 0
    ANIMALS = 1
    ONE_STEP = 2
    START = 3               # -1: drawn with the deal


cdef void shuffle(uint8_t *cards, int32_t count, uint64_t *rng) noexcept nogil:
    cdef int32_t i, j
    for i in range(count - 1, 0, -1):
        j = below(rng, i + 1)
        cards[i], cards[j] = cards[j], cards[i]


cdef void reset(void *p, uint64_t seed, const double *options) noexcept nogil:
    cdef BeastyBar *s = <BeastyBar *>p
    cdef uint8_t cards[NUM_SPECIES]
    cdef uint64_t rng = derive(seed, 0)
    cdef int32_t seat, i
    memset(s, 0, sizeof(BeastyBar))
    s.players = <uint8_t>options[PLAYERS]
    s.animals = <uint8_t>options[ANIMALS]
    s.one_step = <uint8_t>options[ONE_STEP]
    for seat in range(s.players):
        for i in range(NUM_SPECIES):
            cards[i] = <uint8_t>(i + 1)
        shuffle(cards, NUM_SPECIES, &rng)
        memcpy(s.hand[seat], cards, HAND)
        memcpy(s.deck[seat], cards + HAND, DECK)
        s.num_hand[seat], s.num_deck[seat] = HAND, DECK
    s.active = <uint8_t>options[START] if options[START] >= 0 else <uint8_t>below(&rng, s.players)


cdef int32_t to_act(const void *p) noexcept nogil:
    cdef const BeastyBar *s = <const BeastyBar *>p
    return TERMINAL if s.over else <int32_t>s.active


cdef int32_t legal(const void *p, int32_t player, uint8_t *mask) noexcept nogil:
    cdef const BeastyBar *s = <const BeastyBar *>p
    cdef uint32_t bits
    cdef int32_t slot, count = 0
    memset(mask, 0, HAND * ACTIONS_PER_CARD)
    if s.over or s.active != player:
        return 0
    for slot in range(s.num_hand[player]):
        bits = legal_parameters(s.queue, s.num_queue, s.hand[player][slot], s.players > 2)
        while bits:
            mask[ACTIONS_PER_CARD * slot + lowest_bit(bits)] = 1
            bits &= bits - 1
            count += 1
    return count


cdef int32_t apply(void *p, const int32_t *action) noexcept nogil:
    cdef BeastyBar *s = <BeastyBar *>p
    cdef Turn t
    cdef int32_t slot, r, strength, i, me = s.active
    if s.over or action[0] < 0 or action[0] >= HAND * ACTIONS_PER_CARD:
        return -1
    slot, r = action[0] // ACTIONS_PER_CARD, action[0] % ACTIONS_PER_CARD
    if slot >= s.num_hand[me]:
        return -1
    strength = s.hand[me][slot]
    if not legal_parameters(s.queue, s.num_queue, strength, s.players > 2) >> r & 1:
        return -1
    play_turn(&t, s.queue, s.num_queue, <uint8_t>(me << OWNER_SHIFT | strength), r, s.one_step)
    memset(s.queue, 0, sizeof(s.queue))
    memcpy(s.queue, t.queue, t.length)
    s.num_queue = <uint8_t>t.length
    memcpy(s.bar + s.num_bar, t.bar, t.num_bar)
    s.num_bar += <uint8_t>t.num_bar
    memcpy(s.out + s.num_out, t.out, t.num_out)
    s.num_out += <uint8_t>t.num_out
    for i in range(slot, HAND - 1):
        s.hand[me][i] = s.hand[me][i + 1]
    s.hand[me][HAND - 1] = 0
    if s.num_deck[me]:
        s.num_deck[me] -= 1
        s.hand[me][s.num_hand[me] - 1] = s.deck[me][s.num_deck[me]]
        s.deck[me][s.num_deck[me]] = 0
    else:
        s.num_hand[me] -= 1
    s.turn += 1
    s.active = <uint8_t>(me + 1 if me + 1 < s.players else 0)
    # Fewer than five cards can never fill the queue again.
    s.over = cards_left(s) < 5
    return 0


cdef void observe(const void *p, int32_t player, void *out) noexcept nogil:
    cdef const BeastyBar *s = <const BeastyBar *>p
    cdef uint8_t *at = <uint8_t *>out
    cdef int32_t relative[SEATS]
    cdef int32_t P = s.players, i, seat, d, block = s.players * NUM_SPECIES
    memset(at, 0, 97 * P + 48)
    for seat in range(P):
        relative[seat] = seat - player if seat >= player else seat - player + P
    for i in range(s.num_queue):
        at[i * block + relative[owner_of(s.queue[i])] * NUM_SPECIES + strength_of(s.queue[i]) - 1] = 1
    at += 4 * block
    for i in range(s.num_hand[player]):
        at[i * NUM_SPECIES + s.hand[player][i] - 1] = 1
    at += HAND * NUM_SPECIES
    for i in range(s.num_bar):
        at[relative[owner_of(s.bar[i])] * NUM_SPECIES + strength_of(s.bar[i]) - 1] = 1
    at += block
    for i in range(s.num_out):
        at[relative[owner_of(s.out[i])] * NUM_SPECIES + strength_of(s.out[i]) - 1] = 1
    at += block
    for seat in range(P):
        d = relative[seat]
        for i in range(s.num_deck[seat]):
            at[d * NUM_SPECIES + s.deck[seat][i] - 1] = 1
            at[block + P * HAND + d * DECK + i] = 1
        for i in range(s.num_hand[seat]):
            if d:
                at[d * NUM_SPECIES + s.hand[seat][i] - 1] = 1
            at[block + d * HAND + i] = 1
    if not s.over:
        at[block + P * (HAND + DECK) + relative[s.active]] = 1


cdef void rewards(const void *p, float *out) noexcept nogil:
    cdef const BeastyBar *s = <const BeastyBar *>p
    cdef int32_t standing[SEATS]
    cdef int32_t seat, other, ahead
    for seat in range(s.players):
        out[seat] = 0
        if s.over:
            standing[seat] = standing_of(s, seat)
    if not s.over:
        return
    for seat in range(s.players):
        ahead = 0
        for other in range(s.players):
            ahead += (standing[seat] > standing[other]) - (standing[seat] < standing[other])
        out[seat] = <float>ahead / <float>(s.players - 1)


cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil:
    """Deals every other seat's unplayed cards anew over its hand and draw pile and shuffles the player's own pile.

    Nothing a seat does tells where its other cards are, so every such deal is equally likely. A hand without a pile
    behind it is known and stays as it is.
    """
    cdef BeastyBar *s = <BeastyBar *>p
    cdef uint8_t cards[NUM_SPECIES]
    cdef uint64_t rng = derive(seed, 1)
    cdef int32_t seat, hand, deck
    for seat in range(s.players):
        hand, deck = s.num_hand[seat], s.num_deck[seat]
        if seat == player:
            shuffle(s.deck[seat], deck, &rng)
        elif deck:
            memcpy(cards, s.hand[seat], hand)
            memcpy(cards + hand, s.deck[seat], deck)
            shuffle(cards, hand + deck, &rng)
            memcpy(s.hand[seat], cards, hand)
            memcpy(s.deck[seat], cards + hand, deck)


cdef uint64_t fold(uint64_t h, const void *memory, int32_t count) noexcept nogil:
    """Adds `count` bytes to the hash `h`."""
    cdef uint64_t word
    cdef int32_t at
    for at in range(0, count, 8):
        word = 0
        memcpy(&word, <const uint8_t *>memory + at, min(8, count - at))
        h = mix((h ^ word) + <uint64_t>0x9E3779B97F4A7C15)
    return h


cdef uint64_t key(const void *p) noexcept nogil:
    return fold(0, p, sizeof(BeastyBar))


cdef uint64_t information_key(const void *p, int32_t player) noexcept nogil:
    """Hash of the table, the own hand, and as sets the own draw pile and what each other seat has left."""
    cdef const BeastyBar *s = <const BeastyBar *>p
    cdef BeastyBar seen = s[0]
    cdef uint16_t unseen[SEATS]
    cdef int32_t seat, i
    memset(unseen, 0, sizeof(unseen))
    for seat in range(s.players):
        for i in range(s.num_deck[seat]):
            unseen[seat] |= <uint16_t>1 << s.deck[seat][i]
        if seat != player:
            for i in range(s.num_hand[seat]):
                unseen[seat] |= <uint16_t>1 << s.hand[seat][i]
            memset(seen.hand[seat], 0, HAND)
    memset(seen.deck, 0, sizeof(seen.deck))
    return fold(fold(player + 1, &seen, sizeof(seen)), unseen, sizeof(unseen))


cdef void metrics(const void *p, float *out) noexcept nogil:
    cdef const BeastyBar *s = <const BeastyBar *>p
    cdef int32_t seat, best = score_of(s, 1)
    for seat in range(2, s.players):
        best = max(best, score_of(s, seat))
    out[0] = score_of(s, 0) - best
    out[1] = s.num_out
    out[2] = s.turn


def make(players=2, scoring="points", giraffe="upstream", start=0):
    """The game.

    players: 2, 3 or 4.
    scoring: "points" printed on the cards, equal is a draw; "animals" counts them, ties go to the weaker animals.
    giraffe: "upstream" lets a giraffe that a hippo overtook step again in the same turn; "official" does not.
    start: the seat that begins, or "random".
    Metrics: points_margin (seat 0 less the best other), cards_bounced (into "that's it"), game_length (cards played).
    """
    if players not in (2, 3, 4):
        raise ValueError(f"beasty_bar: players must be 2, 3 or 4, got {players!r}")
    if scoring not in ("points", "animals"):
        raise ValueError(f'beasty_bar: scoring must be "points" or "animals", got {scoring!r}')
    if giraffe not in ("upstream", "official"):
        raise ValueError(f'beasty_bar: giraffe must be "upstream" or "official", got {giraffe!r}')
    if start != "random" and start not in range(players):
        raise ValueError(f'beasty_bar: start must be a seat from 0 to {players - 1} or "random", got {start!r}')
    given = {"players": players, "scoring": scoring, "giraffe": giraffe, "start": start}
    usual = {"players": 2, "scoring": "points", "giraffe": "upstream", "start": 0}
    cdef GameTable table
    memset(&table, 0, sizeof(table))
    table.state_bytes = sizeof(BeastyBar)
    table.num_players = players
    table.num_heads = 1
    table.head_sizes[0] = table.num_actions = HAND * ACTIONS_PER_CARD
    table.observation_dims = 1
    table.observation_shape[0] = 97 * players + 48
    table.observation_type = UINT8
    table.max_length = NUM_SPECIES * players
    table.flags = ZERO_SUM | STOCHASTIC | HIDDEN
    table.rules_version = 1
    table.num_symmetries = 1
    table.options[PLAYERS] = players
    table.options[ANIMALS] = scoring == "animals"
    table.options[ONE_STEP] = giraffe == "official"
    table.options[START] = -1 if start == "random" else start
    table.reset, table.to_act, table.legal, table.apply = reset, to_act, legal, apply
    table.observe, table.rewards, table.redeterminize = observe, rewards, redeterminize
    table.key, table.information_key, table.metrics = key, information_key, metrics
    chosen = {name: value for name, value in given.items() if value != usual[name]}
    cdef Game game = new_game(
        __name__, "beasty_bar", chosen, &table, ("points_margin", "cards_bounced", "game_length")
    )
    add_bots(game)
    return game
