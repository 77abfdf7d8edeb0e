"""Breaks parts of networks on purpose and shows that the checks notice: `python -m tests.learners.network_mutants`."""
from __future__ import annotations

import sys

from tests.learners.mutants import load
from tests.learners.network_checks import CHECKS

MUTANTS: dict[str, list[tuple[str, str]]] = {
    "policy_heads": [
        ("x.mean((2, 3))", "x.sum((2, 3))"),
        ("[logits, self.last(x.mean((2, 3)))]", "[self.last(x.mean((2, 3))), logits]"),
        ("planes, others = (2 * height - 1) * (2 * width - 1), moves.others",
         "planes, others = (2 * height - 1) * (2 * width - 1), 0"),
        ("planes, 1, POLICY_GAIN", "planes, 1, 30.0"),
        ("width, 1, POLICY_GAIN", "width, 1, 30.0"),
        ("column - column[:, None]", "column[:, None] - column"),
        ("row - row[:, None]", "row[:, None] - row"),
        ("(down + height - 1) * (2 * width - 1)", "(down + height - 1) * (2 * height - 1)"),
        ("+ cell[:, None]).flatten()", "+ cell).flatten()"),
        ("row, column = cell // width, cell % width", "row, column = cell // height, cell % height"),
        ("self.factor = width**-0.5", "self.factor = width**-1"),
        ("source.permute(0, 2, 1), target", "target.permute(0, 2, 1), source"),
        ("persistent=False", "persistent=True"),
    ],
    "autoregressive": [
        ("self.after(head, features, action[:, head])", "features"),
        ("self.after(head, features, action[:, head])", "self.after(head, features, action[:, 0])"),
        ("self.after(head, features, action[:, head])", "self.after(head, out.logits, action[:, head])"),
        ("torch.relu(features)", "features"),
        (".to(torch.float32)", ""),
        ("features, size, POLICY_GAIN", "features, size, 30.0"),
        ("** -0.5", "** 0.5"),
        ("features + self.chosen[head](action)", "self.chosen[head](action)"),
        ("autoregressive = True", "autoregressive = False"),
        ("if action is None:", "if False:"),
    ],
    "transformer": [
        ("scale=self.scale)", "scale=1.0)"),
        ("permute(2, 0, 3, 1, 4)", "permute(2, 0, 1, 3, 4)"),
        ("mixed.permute(0, 2, 1, 3)", "mixed"),
        ("query, key, value = each", "key, query, value = each"),
        ("query, key, value = each", "query, value, key = each"),
        ("x = x + self.attended", "x = self.attended"),
        ("return x + self.contract", "return self.contract"),
        ("torch.relu_(self.expand", "torch.sigmoid(self.expand"),
        ("self.expand(self.forward_norm(x))", "self.expand(x)"),
        ("self.query_key_value(self.attention_norm(x))", "self.query_key_value(x)"),
        ("if slots.ordered else None", "if True else None"),
        ("cards[:, 1:]", "cards"),
        ("number = flat[", "number = scaled["),
        ("(number == self.numbers)", "(number + 1 == self.numbers)"),
        ("species, features = pair.sum(1), torch.cat([pair.sum(2), cards[:, coded:]], 1)",
         "species, features = pair.sum(1), torch.cat([cards[:, coded:], pair.sum(2)], 1)"),
        ("pair = cards[:, :coded].reshape(-1, self.slots.owners, self.species)",
         "pair = cards[:, :coded].reshape(-1, self.species, self.slots.owners).transpose(1, 2)"),
        ("tokens if self.place is None else tokens + self.place", "tokens"),
        ("cards = scaled[", "cards = flat["),
        ("scaled = flat if self.scale is None else flat * self.scale", "scaled = flat"),
        ("self.rest(scaled.index", "self.rest(flat.index"),
        ("self.norm(self.blocks(tokens.view(-1, self.width)))", "self.blocks(tokens.view(-1, self.width))"),
        ("general = x[:, 0]", "general = x[:, 1]"),
        ("general = x[:, 0]", "general = x.mean(1)"),
        ("parts, first = [], 1", "parts, first = [], 0"),
        ("            first += slots.slots\n", ""),
        ("found.argsort()", "found"),
        ("None if in_order", "None if True"),
        ("        heads.shrink(self.value.weight, generator)\n", ""),
        ("width, slots.actions, policy_gain", "width, slots.actions, 1.0"),
        ("len(general), policy_gain", "len(general), 1.0"),
        ("math.sqrt(2 * width / len(rest))", "100.0"),
    ],
}


def survivors() -> list[str]:
    """The mutants that no check notices. Raises what an unchanged source raises."""
    found = []
    for name, mutants in MUTANTS.items():
        CHECKS[name](load(name), 0)
        for old, new in mutants:
            module = load(name, old, new)
            try:
                CHECKS[name](module, 0)
            except Exception:   # a mutant may die of anything
                continue
            found.append(f"{name}: {old!r} -> {new!r}")
    return found


def main() -> None:
    """Prints the survivors and exits with 1 if there are any."""
    found = survivors()
    print("\n".join([*found, f"{sum(len(mutants) for mutants in MUTANTS.values()) - len(found)} mutants died"]))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
