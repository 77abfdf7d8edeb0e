"""Beasty Bar in slow plain Python, read off the rules; shares nothing with the fast one."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

BLOCKS = "zebra"
ANIMALS = {
    12: ("lion", 2), 11: ("hippo", 2), 10: ("crocodile", 3), 9: ("snake", 2), 8: ("giraffe", 3), 7: (BLOCKS, 4),
    6: ("seal", 2), 5: ("chameleon", 3), 4: ("monkey", 3), 3: ("kangaroo", 4), 2: ("parrot", 4), 1: ("skunk", 4),
}
STRENGTH = {name: strength for strength, (name, _) in ANIMALS.items()}


@dataclass(eq=False)
class Card:
    """`animal` changes while a chameleon pretends; `entered` and `stepped` are turns."""

    owner: int
    animal: str
    entered: int = -1
    stepped: int = -1

    @property
    def strength(self) -> int:
        return STRENGTH[self.animal]

    @property
    def points(self) -> int:
        return ANIMALS[self.strength][1]

    @property
    def code(self) -> int:
        return 100 * self.owner + self.strength


def of_code(code: int) -> Card:
    return Card(code // 100, ANIMALS[code % 100][0])


@dataclass
class Twin:
    """A game; `position` in the notation of the recorded games."""

    hands: list[list[Card]]
    decks: list[list[Card]]
    player: int = 0
    turn: int = 0
    animals_count: bool = False
    giraffe_once: bool = False
    queue: list[Card] = field(default_factory=list)
    bar: list[Card] = field(default_factory=list)
    out: list[Card] = field(default_factory=list)
    after_ability: list[int] = field(default_factory=list)
    after_recurring: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, position: dict[str, Any], *, animals_count: bool = False, giraffe_once: bool = False) -> Twin:
        def piles(key: str) -> list[list[Card]]:
            return [[of_code(100 * seat + s) for s in pile] for seat, pile in enumerate(position[key])]

        twin = cls(piles("h"), piles("d"), position["p"], position["t"], animals_count, giraffe_once)
        twin.queue, twin.bar, twin.out = ([of_code(code) for code in position[key]] for key in ("q", "bar", "out"))
        return twin

    def position(self) -> dict[str, Any]:
        return {
            "q": [card.code for card in self.queue],
            "bar": [card.code for card in self.bar],
            "out": [card.code for card in self.out],
            "h": [[card.strength for card in hand] for hand in self.hands],
            "d": [[card.strength for card in deck] for deck in self.decks],
            "p": self.player,
            "t": self.turn,
        }

    @property
    def over(self) -> bool:
        unplayed = sum(map(len, self.hands)) + sum(map(len, self.decks))
        return unplayed == 0 or (self.turn > 0 and unplayed + len(self.queue) < 5)

    # what can be played

    def parameters(self, animal: str) -> list[tuple[int, ...]]:
        """Parameter lists with which `animal` can be played now."""
        places = range(len(self.queue))
        hops = [hop for hop in (1, 2) if hop <= len(self.queue)]
        if animal == "kangaroo":
            return [(hop,) for hop in hops] or [()]
        found: list[tuple[int, ...]] = []
        if animal == "parrot":
            found = [(place,) for place in places]
        elif animal == "chameleon":
            for place in places:
                model = self.queue[place].animal
                if model == "chameleon":
                    continue
                if model == "parrot":
                    found += [(place, target) for target in places]
                elif model == "kangaroo":
                    found += [(place, hop) for hop in hops]
                else:
                    found.append((place,))
        else:
            return [()]
        return found or ([()] if len(self.hands) > 2 else [])

    def actions(self) -> dict[int, tuple[int, tuple[int, ...]]]:
        """Action index -> hand slot and parameters."""
        found = {}
        for slot, card in enumerate([] if self.over else self.hands[self.player]):
            for given in self.parameters(card.animal):
                rest = 0 if not given else 1 + 6 * given[0] if len(given) == 1 else 2 + 6 * given[0] + given[1]
                found[31 * slot + rest] = slot, given
        return found

    # a turn

    def play(self, action: int) -> None:
        slot, given = self.actions()[action]
        card = self.hands[self.player].pop(slot)
        targets = list(self.queue)
        card.entered = self.turn
        self.queue.append(card)
        self.ability(card, card.animal, given, targets)
        self.after_ability = [c.code for c in self.queue]
        self.recurring()
        self.after_recurring = [c.code for c in self.queue]
        if len(self.queue) == 5:
            first, second, third, fourth, last = self.queue
            self.bar += [first, second]
            self.out.append(last)
            self.queue = [third, fourth]
        if self.decks[self.player]:
            self.hands[self.player].append(self.decks[self.player].pop(0))
        self.player = (self.player + 1) % len(self.hands)
        self.turn += 1

    def ability(self, card: Card, animal: str, given: tuple[int, ...], targets: list[Card]) -> None:
        if animal == "chameleon":
            if given:
                model = targets[given[0]].animal
                card.animal = model
                self.ability(card, model, given[1:], targets)
                card.animal = "chameleon"
        elif animal == "kangaroo":
            self.forward(card, given[0] if given else 0)
        elif animal == "parrot":
            if given:
                self.remove([targets[given[0]]])
        elif animal != BLOCKS:
            getattr(self, animal)(card)

    def remove(self, cards: list[Card]) -> None:
        for card in cards:
            self.queue.remove(card)
            self.out.append(card)

    def forward(self, card: Card, places: int) -> None:
        at = self.queue.index(card)
        self.queue.remove(card)
        self.queue.insert(max(0, at - places), card)

    def ahead(self, card: Card) -> Card | None:
        at = self.queue.index(card)
        return self.queue[at - 1] if at else None

    def named(self, *animals: str) -> list[Card]:
        return [card for card in self.queue if card.animal in animals]

    def lion(self, card: Card) -> None:
        if len(self.named("lion")) > 1:
            self.remove([card])
        else:
            self.remove(self.named("monkey"))
            self.forward(card, 5)

    def hippo(self, card: Card) -> None:
        while (other := self.ahead(card)) and other.strength < 11 and other.animal != BLOCKS:
            self.forward(card, 1)

    def crocodile(self, card: Card) -> None:
        while (other := self.ahead(card)) and other.strength < 10 and other.animal != BLOCKS:
            self.remove([other])

    def snake(self, card: Card) -> None:
        self.queue = [c for strength in range(12, 0, -1) for c in self.queue if c.strength == strength]

    def giraffe(self, card: Card) -> bool:
        other = self.ahead(card)
        if other is None or other.strength >= 8:
            return False
        self.forward(card, 1)
        return True

    def seal(self, card: Card) -> None:
        self.queue = self.queue[::-1]

    def monkey(self, card: Card) -> None:
        if len(self.named("monkey")) >= 2:
            self.remove(self.named("hippo", "crocodile"))
            others = [c for c in self.named("monkey") if c is not card]
            rest = [c for c in self.queue if c.animal != "monkey"]
            self.queue = [card, *others[::-1], *rest]

    def skunk(self, card: Card) -> None:
        strengths = sorted({c.strength for c in self.queue if c.animal != "skunk"}, reverse=True)
        self.remove([c for c in self.queue if c.strength in strengths[:2]])

    def recurring(self) -> None:
        i = 0
        while i < len(self.queue):
            card = self.queue[i]
            if card.animal in ("hippo", "crocodile"):
                getattr(self, card.animal)(card)
                i = self.queue.index(card) + 1
                continue
            stepped_already = self.giraffe_once and card.stepped == self.turn
            if card.animal == "giraffe" and card.entered != self.turn and not stepped_already and self.giraffe(card):
                card.stepped = self.turn
                continue
            i += 1

    # the end

    def scores(self) -> list[int]:
        return [
            sum(1 if self.animals_count else card.points for card in self.bar if card.owner == seat)
            for seat in range(len(self.hands))
        ]

    def rewards(self) -> list[float]:
        """Seats beaten less seats ahead, over the number of others."""
        seats = range(len(self.hands))
        if not self.over:
            return [0.0 for _ in seats]
        weights = [sum(card.strength for card in self.bar if card.owner == seat) for seat in seats]
        ranks = [(score, -weight if self.animals_count else 0)
                 for score, weight in zip(self.scores(), weights, strict=True)]
        return [sum((ranks[a] > ranks[b]) - (ranks[a] < ranks[b]) for b in seats) / (len(self.hands) - 1)
                for a in seats]

    # what a seat sees

    def observation(self, viewer: int) -> list[int]:
        seats = [(viewer + d) % len(self.hands) for d in range(len(self.hands))]

        def one_hot(cards: list[Card], owners: list[int]) -> list[int]:
            return [int(any(c.owner == owner and c.strength == s for c in cards))
                    for owner in owners for s in range(1, 13)]

        hand = self.hands[viewer]
        seen: list[int] = []
        for place in range(4):
            seen += one_hot(self.queue[place : place + 1], seats)
        for slot in range(4):
            seen += one_hot(hand[slot : slot + 1], [viewer])
        unseen = [c for seat in seats for c in self.decks[seat] + (self.hands[seat] if seat != viewer else [])]
        seen += one_hot(self.bar, seats) + one_hot(self.out, seats) + one_hot(unseen, seats)
        for seat in seats:
            seen += [int(k < len(self.hands[seat])) for k in range(4)]
        for seat in seats:
            seen += [int(k < len(self.decks[seat])) for k in range(8)]
        return seen + [int(not self.over and seat == self.player) for seat in seats]
