"""A slow arena, written from the rules: plain objects, one rule after another; chance is told, never drawn.

It knows neither the code nor the memory of `envs/arena`, only positions (see `envs/arena/positions.pyx`).
"""
from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

DT = 1 / 30
HOLD_END = (20, 45, 65, 85, 100)            # s of 120
SHRINK_END = (35, 55, 75, 92, 114)
RADIUS = (0.6, 0.36, 0.18, 0.06, 0.0)       # of the first one
DAMAGE = (1, 2, 4, 7, 12, 20)               # hp/s
CLOSED = 5


@dataclass
class Player:
    """One seat."""

    team: int
    alive: bool
    x: float
    y: float
    vx: float
    vy: float
    hp: float
    ammo: int
    wait: int
    dash: int
    pressure: int
    hurt_by: set[int] = field(default_factory=set)
    """Seats that hit it in this tick."""
    hp_before: float = 0.0
    """Before shots and zone."""


@dataclass
class Shot:
    owner: int
    x: float
    y: float
    vx: float
    vy: float
    born: float


class Twin:
    """A game in progress; `tick` plays one. Rewards without shaping terms."""

    def __init__(self, position: dict[str, Any], options: dict[str, Any]) -> None:
        self.compat = options["rules"] == "compat"
        self.dash_allowed: bool = options["dash"]
        self.placement = options["scoring"] == "placement"
        self.duration: int = options["duration"] * 30
        self.ticks: int = position["tick"]
        self.time = 0.0
        self.players = [Player(**told) for told in position["players"]]
        self.shots = [Shot(**told) for told in position["shots"]]
        self.items: list[dict[str, Any]] = list(position["items"])
        self.zone = (position["zone"]["x"], position["zone"]["y"], position["zone"]["radius"])
        self.zone_from = self.zone
        self.told_next(position)
        self.first_radius = self.zone[2]
        self.damage: float = position["zone"]["damage"]
        self.phase = 0
        self.over = False
        self.rewards = [0.0] * len(self.players)
        self.kills = [0] * len(self.players)

    def told_next(self, position: dict[str, Any]) -> None:
        """Takes the zone to come, which is chance."""
        later = position["zone"]["next"]
        self.zone_to = (later["x"], later["y"], later["radius"])

    def living(self) -> list[int]:
        return [seat for seat, player in enumerate(self.players) if player.alive]

    def teams(self) -> set[int]:
        return {self.players[seat].team for seat in self.living()}

    def legal_switches(self, seat: int) -> tuple[bool, bool]:
        """Whether fire and ability 1 are legal, at one tick per decision."""
        player = self.players[seat]
        if self.compat:
            return True, True
        return player.ammo > 0 and player.wait == 0, self.dash_allowed and player.dash == 0

    def tick(self, actions: list[list[int]]) -> None:
        """One tick with the classes of every seat; new items and the next zone are for the caller to tell."""
        teams_before = self.teams()
        self.rewards = [0.0] * len(self.players)
        self._act(actions)
        self.time += DT
        self.ticks += 1
        if not self.compat:
            self._shrink()
        for player in self.players:
            player.wait = max(0, player.wait - 1)
            player.dash = max(0, player.dash - 1)
            player.x += player.vx * DT
            player.y += player.vy * DT
            player.hurt_by = set()
            player.hp_before = player.hp
        self.shots = [shot for shot in self.shots if self._flies_on(shot)]
        self._burn()
        self._bury()
        self._settle(teams_before)

    def _act(self, actions: list[list[int]]) -> None:
        reaching = []
        for seat in self.living():
            player = self.players[seat]
            move_x, move_y, aim_x, aim_y = ((value - 5) / 5 for value in actions[seat][:4])
            fire, ability, interact = actions[seat][4:]
            if ability and self.dash_allowed and player.dash == 0:
                player.dash = 60
            speed = 15 if player.dash > 54 else 5
            if not self.compat and math.hypot(move_x, move_y) > 1:
                length = math.sqrt(move_x**2 + move_y**2)
                move_x, move_y = move_x / length, move_y / length
            player.vx, player.vy = speed * move_x, speed * move_y
            if fire and player.ammo > 0 and player.wait == 0:
                if aim_x == aim_y == 0:
                    aim_x = 1
                length = math.sqrt(aim_x**2 + aim_y**2)
                self.shots.append(Shot(seat, player.x, player.y, 20 * aim_x / length, 20 * aim_y / length, self.time))
                player.ammo -= 1
                player.wait = 7
            if interact and self.compat:
                self._serve([seat])
            elif interact:
                reaching.append(seat)
        self._serve(reaching)

    def _serve(self, reaching: list[int]) -> None:
        """Every item goes to the nearest who reach for it."""
        kept = []
        for item in self.items:
            away = {seat: math.dist((item["x"], item["y"]), self._at(seat)) for seat in reaching}
            near = min(away.values(), default=math.inf)
            if near >= 2:
                kept.append(item)
                continue
            for seat in (seat for seat in reaching if away[seat] == near):
                player = self.players[seat]
                if item["kind"] == "health_pack":
                    player.hp = min(100, player.hp + 25)
                else:
                    player.ammo = min(30, player.ammo + 15)
        self.items = kept

    def _at(self, seat: int) -> tuple[float, float]:
        return self.players[seat].x, self.players[seat].y

    def _shrink(self) -> None:
        if self.phase == CLOSED:
            return
        start, end = HOLD_END[self.phase] * self.duration // 120, SHRINK_END[self.phase] * self.duration // 120
        if self.ticks >= end:
            self.zone = self.zone_from = self.zone_to
            self.phase += 1
            self.damage = DAMAGE[self.phase] * 3600 / self.duration
            if self.phase == CLOSED:
                self.items = []
        elif self.ticks > start:
            part = (self.ticks - start) / (end - start)
            x, y, radius = (a + part * (b - a) for a, b in zip(self.zone_from, self.zone_to, strict=True))
            self.zone = (x, y, radius)

    def _flies_on(self, shot: Shot) -> bool:
        shot.x += shot.vx * DT
        shot.y += shot.vy * DT
        away = {
            seat: math.dist((shot.x, shot.y), self._at(seat)) for seat in self.living()
            if (seat != shot.owner if self.compat else self.players[seat].team != self.players[shot.owner].team)
        }
        struck = [seat for seat in away if away[seat] < 1]
        if not struck:
            return self.time - shot.born <= (5 if self.compat else 1)
        if self.compat:
            struck = struck[:1]
        else:
            struck = [seat for seat in struck if away[seat] == min(away.values())]
        for seat in struck:
            self.players[seat].hp -= 10
            self.players[seat].hurt_by.add(shot.owner)
        return False

    def _burn(self) -> None:
        x, y, radius = self.zone
        for seat in self.living():
            player = self.players[seat]
            away = math.sqrt((player.x - x) ** 2 + (player.y - y) ** 2)
            outside = away > radius or (away == radius and not self.compat)
            if outside:
                player.hp -= self.damage * DT
            player.hp = max(0, player.hp)
            lost = player.hp_before - player.hp
            if outside:
                change = 2 if lost > 0.1 else 1
            else:
                change = 1 if lost > 0 and self._sees_enemy(seat) else -1
            player.pressure = min(10, max(0, player.pressure + change))

    def _sees_enemy(self, seat: int) -> bool:
        return any(
            self.players[other].team != self.players[seat].team and math.dist(self._at(other), self._at(seat)) <= 10
            for other in self.living()
        )

    def _bury(self) -> None:
        for seat in self.living():
            player = self.players[seat]
            if player.hp == 0:
                for killer in player.hurt_by:
                    self.kills[killer] += self.players[killer].team != player.team
                self.players[seat] = Player(player.team, False, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    def _settle(self, before: set[int]) -> None:
        after = self.teams()
        out = before - after
        self.over = not after or (len(after) == 1 and not self.compat) or self.ticks >= self.duration
        everybody = len({player.team for player in self.players})
        for seat, player in enumerate(self.players):
            if player.team in out:
                if self.placement:
                    beaten, ahead = everybody - len(before), len(after)
                    self.rewards[seat] = (beaten - ahead) / (everybody - 1)
                else:
                    self.rewards[seat] = -1 if after else int(len(out) == 1)
            elif player.team in after and self.over:
                if self.placement:
                    self.rewards[seat] = (everybody - len(after)) / (everybody - 1)
                else:
                    self.rewards[seat] = int(len(after) == 1)
