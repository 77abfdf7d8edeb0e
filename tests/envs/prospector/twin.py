"""Prospector in slow, plain Python, written from the description of the rules and not from the native code.

A twin draws its own random numbers and notes them, so that the native game can be given the same. It holds double
precision throughout.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

BASE = [45, 55, 85, 145, 210, 120]
FLOOR = [12, 15, 20, 50, 80, 30]
CEILING = [180, 200, 240, 320, 420, 300]
FUEL_PACKS = {61: (120, 60), 62: (260, 120), 63: (480, 210)}
SUPPLIES = {64: ("kits", 150), 65: ("stabs", 175), 66: ("decoys", 110)}
SCANS = {8: (0.22, 0.10, 1.35, 5, 4, 3), 9: (0.42, 0.20, 1.00, 4, 3, 2), 10: (0.80, 0.45, 0.55, 8, 6, 4)}
DRILLS = {28: (0.80, 2, 0.8, 1.2, 0.05, -0.7), 29: (1.15, 4, 1.6, 2.2, 0.10, 0.0), 30: (1.55, 7, 2.8, 4.0, 0.16, 0.8)}


@dataclass(frozen=True)
class RuleSet:
    balanced: bool = False
    fracture: float = -3.1
    fracture_hull: float = 12
    pirates: float = -4
    calm: float = 0
    mend: float = 0
    refined: float = 0.65
    damage: float = 1
    stolen: float = 1
    stranded: float = 50
    destroyed: float = 100


COMPAT = RuleSet()
BALANCED = RuleSet(True, -4.3, 8, -5.2, 1.5, 3, 0.30, 0.1, 0.02, 3, 5)


def clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def renormalise(shares: list[float]) -> list[float]:
    floored = [max(1e-8, share) for share in shares]
    return [share / sum(floored) for share in floored]


class Twin:
    """A world and a position as `positions.to_world` and `positions.to_dict` tell them, and the step."""

    def __init__(self, world: dict[str, Any], position: dict[str, Any], rules: RuleSet, seed: int) -> None:
        self.rules, self.world, self.p = rules, world, position
        self.rng = np.random.default_rng(seed)
        self.draws: list[Any] = []
        self.estimates = [[0.5] * 6 for _ in range(world["node_count"])]
        self.rocks = [
            [{**rock, "stab_est": 0.5, "conf": 0.1, "depl": 0.0} for rock in rocks] for rocks in world["asteroids"]
        ]
        self.previous = list(position["price"])
        self.stolen = 0.0
        self.overheat = self.encounters = 0
        self.ending: str | None = None

    def u(self, kind: str) -> float:
        drawn = float(self.rng.random())
        self.draws.append([kind, drawn])
        return drawn

    def z(self, kind: str) -> float:
        drawn = float(self.rng.normal())
        self.draws.append([kind, drawn])
        return drawn

    def six(self, kind: str) -> list[float]:
        drawn: list[float] = self.rng.normal(size=6).tolist()
        self.draws.append([kind, drawn])
        return drawn

    @property
    def home(self) -> bool:
        return bool(self.p["node"] == 0)

    @property
    def here(self) -> list[dict[str, Any]]:
        """Asteroids of the present node."""
        return self.rocks[self.p["node"]]

    def value(self) -> float:
        return float(np.dot(self.p["cargo"], self.p["price"]))

    def usable(self, slot: int) -> bool:
        return 0 <= slot < len(self.here) and self.here[slot]["depl"] < 1

    def valid(self, action: int) -> bool:
        """Whether the condition of an action is met."""
        p, strict = self.p, self.rules.balanced
        if action < 6:
            return bool(self.world["neighbors"][p["node"]][action] >= 0)
        if action in (9, 10, 28, 29, 30):
            return self.usable(p["sel"])
        if 12 <= action <= 27:
            return self.usable(action - 12)
        if action == 31:
            return self.usable(p["sel"]) and p["stabs"] > 0
        if action in (34, 35):
            return bool(p["kits"] > 0)
        if 36 <= action <= 41:
            return not strict or p["cargo"][action - 36] > 0
        if 42 <= action <= 67 and not self.home:
            return False
        if 43 <= action <= 60:
            return not strict or p["cargo"][(action - 43) // 3] > 0
        if action in FUEL_PACKS:
            return bool(p["credits"] >= FUEL_PACKS[action][1])
        if action in SUPPLIES:
            name, price = SUPPLIES[action]
            return bool(p[name] < 12 and p["credits"] >= price)
        if action == 67:
            return bool(p["credits"] >= 280)
        if action == 68:
            return not strict or (self.home and p["ticks"] >= 200)
        return True

    def pirates(self, dt: int, intensity: float) -> None:
        p = self.p
        if self.home:
            return
        value = self.value()
        chance = sigmoid(self.rules.pirates + 3 * intensity + 2.2 * clip(p["alert"] / 100, 0, 1)
                         + 0.8 * math.log(1 + value / 1000) - 2.8 * (p["escape"] > 0))
        if self.u("pirate_u") >= 1 - (1 - chance) ** dt:
            return
        self.encounters += 1
        share = 0.08 + 0.12 * self.u("pirate_loss_u")
        if p["decoys"] and self.u("decoy_u") < 0.6:
            p["decoys"] -= 1
            share *= 0.3
        p["cargo"] = [held * (1 - share) for held in p["cargo"]]
        self.stolen += value * share
        p["hull"] -= 1 + 3 * self.u("pirate_hull_u")
        p["alert"] += 8

    def endure(self, dt: int, danger: float, damage: float) -> None:
        self.p["hull"] -= dt * danger * 0.7 * damage
        self.p["heat"] += 0.5 * dt * danger
        self.p["alert"] += 0.8 * dt * danger

    def travel(self, slot: int) -> int:
        p, w, node = self.p, self.world, self.p["node"]
        dt, threat = w["edge_travel_time"][node][slot], w["edge_threat_true"][node][slot]
        p["fuel"] -= w["edge_fuel_cost"][node][slot] * (1 + 0.5 * sum(p["cargo"]) / 200)
        p["node"], p["sel"] = w["neighbors"][node][slot], -1
        if self.rules.balanced:
            p["stab_buff"] = [0] * 16
        self.endure(dt, threat, 0.85 + 0.3 * self.u("edge_hazard_u"))
        self.pirates(dt, threat)
        return int(dt)

    def scan(self, rock: dict[str, Any], action: int) -> None:
        blend, gain, noise = SCANS[action][:3]
        sigma = rock["noise"] * (1.1 - rock["conf"]) * noise
        sample = renormalise([c + sigma * z for c, z in zip(rock["comp"], self.six("scan_comp_z"), strict=True)])
        rock["comp_est"] = renormalise(
            [(1 - blend) * est + blend * seen for est, seen in zip(rock["comp_est"], sample, strict=True)]
        )
        seen = clip(rock["stab"] + sigma * self.z("scan_stab_z"), 0, 1)
        rock["stab_est"] = (1 - blend) * rock["stab_est"] + blend * seen
        rock["conf"] = min(1, rock["conf"] + gain)

    def mine(self, action: int) -> None:
        p, rock = self.p, self.here[self.p["sel"]]
        factor, heat, wear, alert, noise, bias = DRILLS[action]
        q, h = clip(p["tool"] / 100, 0, 1), clip(p["heat"] / 100, 0, 2)
        efficiency = 1 if h <= 0.7 else max(0.1, 1 - (h - 0.7) / 0.3)
        amount = rock["rich"] * (1 - rock["depl"]) * (0.4 + 0.6 * q) * efficiency * factor
        amount = min(amount * math.exp(noise * self.z("mine_noise_z")), max(0, 200 - sum(p["cargo"])))
        p["cargo"] = [held + amount * share for held, share in zip(p["cargo"], rock["comp"], strict=True)]
        rock["depl"] = min(1, rock["depl"] + 0.01 * amount)
        p["heat"] += heat
        p["tool"] -= wear
        p["alert"] += alert
        logit = self.rules.fracture + bias + 2.5 * (1 - rock["stab"]) + 2.2 * max(0, h - 0.7) + 1.5 * (1 - q)
        if self.u("fracture_u") < sigmoid(logit - 1.1 * (p["stab_buff"][p["sel"]] > 0)):
            p["hull"] -= self.rules.fracture_hull * (0.5 + 0.5 * self.u("fracture_severity_u"))
            rock["depl"] = 1
            self.world["node_hazard"][p["node"]] = min(1, self.world["node_hazard"][p["node"]] + 0.1)

    def sell(self, c: int, share: float) -> None:
        p = self.p
        sold = p["cargo"][c] * share
        ratio = sold / max(1, p["inv"][c] + sold)
        p["credits"] += sold * p["price"][c] * (1 - clip(0.25 * ratio + 0.2 * math.sqrt(ratio), 0, 0.7))
        p["cargo"][c] -= sold
        p["inv"][c] += sold
        p["sales"][c] += sold

    def buy(self, price: float) -> None:
        self.p["credits"] -= price
        self.p["spend"] += price

    def lower(self, field: str, by: float) -> None:
        self.p[field] = max(0, self.p[field] - by)

    def hold(self) -> None:
        self.lower("alert", 3)
        self.lower("heat", 2.5)

    def act(self, action: int) -> int:
        """What a valid action does at once; returns its ticks."""
        p = self.p
        if action < 6:
            return self.travel(action)
        if action in SCANS:
            for rock in self.here if action == 8 else [self.here[p["sel"]]]:
                self.scan(rock, action)
            return SCANS[action][5]
        if action == 11:
            for slot, other in enumerate(self.world["neighbors"][p["node"]]):
                if other >= 0:
                    truth = self.world["edge_threat_true"][p["node"]][slot]
                    heard = clip(truth + 0.08 * self.z("listen_z"), 0, 1)
                    self.estimates[p["node"]][slot] = 0.25 * self.estimates[p["node"]][slot] + 0.75 * heard
            return 2
        if 12 <= action <= 27:
            p["sel"] = action - 12
        elif action in DRILLS:
            self.mine(action)
        elif 36 <= action <= 41:
            p["cargo"][action - 36] = 0.0
            self.lower("alert", 8)
        elif 43 <= action <= 60:
            self.sell((action - 43) // 3, (0.25, 0.5, 1)[(action - 43) % 3])
        elif action in FUEL_PACKS:
            self.buy(FUEL_PACKS[action][1])
            p["fuel"] = min(1000, p["fuel"] + FUEL_PACKS[action][0])
        elif action in SUPPLIES:
            self.buy(SUPPLIES[action][1])
            p[SUPPLIES[action][0]] += 1
        others: dict[int, tuple[int, Callable[[], None]]] = {
            6: (1, self.hold), 7: (1, self.burn), 31: (2, self.stabilise), 32: (2, self.refine), 33: (2, self.cool),
            34: (2, self.repair), 35: (2, self.patch), 42: (1, lambda: self.lower("alert", 20)), 67: (3, self.overhaul),
        }
        ticks, effect = others.get(action, (1, lambda: None))
        effect()
        return ticks

    def burn(self) -> None:
        self.p["fuel"] -= 18
        self.p["alert"] += 10
        self.p["escape"] = max(self.p["escape"], 4)

    def stabilise(self) -> None:
        self.p["stabs"] -= 1
        self.p["stab_buff"][self.p["sel"]] = 6

    def refine(self) -> None:
        p, cargo = self.p, self.p["cargo"]
        p["fuel"] -= 4
        p["heat"] += 6
        p["alert"] += 3
        cargo[4] += self.rules.refined * 0.15 * (cargo[0] + cargo[1])
        cargo[0], cargo[1] = 0.85 * cargo[0], 0.85 * cargo[1]

    def cool(self) -> None:
        self.p["fuel"] -= 2
        self.p["alert"] += 1
        self.lower("heat", 20)

    def repair(self) -> None:
        self.p["kits"] -= 1
        self.p["tool"] = min(100, self.p["tool"] + 25)

    def patch(self) -> None:
        self.p["kits"] -= 1
        self.p["hull"] = min(100, self.p["hull"] + 20)

    def overhaul(self) -> None:
        self.buy(280)
        self.p["hull"] = self.p["tool"] = 100.0

    def trade(self, dt: int) -> None:
        p, market, t = self.p, self.world["market"], self.p["ticks"] + dt
        noise = self.six("market_noise_z")
        self.previous = list(p["price"])
        for c in range(6):
            cycle = market["amp"][c] * math.sin(2 * math.pi * t / market["period"][c] + market["phase"][c])
            price = BASE[c] + cycle - 0.04 * p["inv"][c] - 0.05 * p["sales"][c]
            p["price"][c] = clip(price + 0.03 * BASE[c] * math.sqrt(dt) * noise[c], FLOOR[c], CEILING[c])
            p["sales"][c] *= math.exp(-dt / 14)
            p["inv"][c] *= 0.998

    def pass_time(self, dt: int, sheltered: bool) -> None:
        p = self.p
        p["time"] -= dt
        self.lower("heat", 2.5 * dt)
        self.lower("escape", dt)
        p["stab_buff"] = [max(0, left - dt) for left in p["stab_buff"]]
        if p["heat"] > 100:
            p["hull"] -= 1.25 * (p["heat"] - 100)
            p["heat"] = 100
            self.overheat += dt
        hazard = self.world["node_hazard"][p["node"]]
        if not self.home and not sheltered:
            if hazard > 0:
                self.endure(dt, hazard, 0.8 + 0.4 * self.u("node_hazard_u"))
            self.pirates(dt, self.world["node_pirate"][p["node"]])
        self.trade(dt)

    def keep_in_range(self, dt: int) -> None:
        p = self.p
        p["alert"] -= self.rules.calm * dt
        if self.home and p["hull"] > 0:
            p["hull"] += self.rules.mend * dt
        for field, most in (("fuel", 1000), ("hull", 100), ("heat", 100), ("tool", 100), ("alert", 100)):
            p[field] = clip(p[field], 0, most)
        p["time"] = max(0, p["time"])
        total = sum(p["cargo"])
        if total > 200:
            p["cargo"] = [held * 200 / total for held in p["cargo"]]
        p["ticks"] += dt

    def step(self, action: int) -> tuple[int, float]:
        """Plays `action` (0 to 68), valid or not; returns ticks and reward, and leaves the draws in `draws`."""
        p, rules, valid, dt = self.p, self.rules, self.valid(action), 1
        self.draws = []
        before, value, stolen = dict(p), self.value(), self.stolen
        if action in SCANS:
            p["fuel"] -= SCANS[action][3]
            p["alert"] += SCANS[action][4]
        if valid:
            dt = self.act(action)
        else:
            self.hold()
        self.pass_time(dt, rules.balanced and valid and action < 6)
        self.keep_in_range(dt)
        destroyed, stranded = p["hull"] <= 0, p["fuel"] <= 0 and not self.home
        cashed = valid and action == 68
        self.ending = "cashed out" if cashed else "time up" if p["time"] == 0 else None
        if destroyed or stranded:
            self.ending = " and ".join(["destroyed"] * destroyed + ["stranded"] * stranded)
        lost = {field: max(0, before[field] - p[field]) for field in ("fuel", "tool", "hull")}
        reward = (p["credits"] - before["credits"]) / 1000 + 0.02 * max(0, self.value() - value) / 1000
        reward -= 0.1 * lost["fuel"] / 100 + 0.001 * dt + 0.05 * lost["tool"] / 10 + rules.damage * lost["hull"] / 10
        reward -= 0.2 * (max(0, p["heat"] - 70) / 100) ** 2 + 0.005 * (action in SCANS) + 0.01 * (not valid)
        reward -= rules.stolen * (self.stolen - stolen) / 1000 + rules.stranded * stranded + rules.destroyed * destroyed
        if self.ending in ("cashed out", "time up"):
            reward += 0.002 * p["credits"] / 1000
        return dt, reward
