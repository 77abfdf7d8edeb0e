"""Breaks the loss sources on purpose and shows that the checks notice: `python -m tests.learners.mutants`.

A mutant is a source of learners/ with one piece of text replaced, run as a module of its own.
"""
from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import learners
from tests.learners.checks import CHECKS
from tests.learners.search_mutants import SEARCH_MUTANTS

SEEDS = range(4)
FOLDER = Path(learners.__file__).parent

MUTANTS: dict[str, list[tuple[str, str]]] = {
    "masked": [
        ("torch.where(mask.bool(), x, 0).sum()", "x.sum()"),
        ("torch.where(mask.bool(), x, 0).sum()", "(x * mask).sum()"),
        ("mask.sum().clamp(min=1)", "mask.numel()"),
        ("mask.sum().clamp(min=1)", "mask.sum()"),
        ("(x - masked_mean(x, mask)) ** 2", "x ** 2"),
        ("(x - masked_mean(x, mask)) ** 2", "(x - x.mean()) ** 2"),
        ("(x - masked_mean(x, mask)) ** 2, mask)", "(x - masked_mean(x, mask)) ** 2, mask).sqrt()"),
    ],
    "vtrace": [
        ("rho_bar=rho_bar, c_bar=c_bar, rho_pg_bar=rho_pg_bar, lam=lam,\n    )\n    return torch",
         "rho_bar=c_bar, c_bar=rho_bar, rho_pg_bar=rho_pg_bar, lam=lam,\n    )\n    return torch"),
        ("rho_bar=rho_bar, c_bar=c_bar, rho_pg_bar=rho_pg_bar, lam=lam,\n    )\n    return torch",
         "rho_bar=rho_bar, c_bar=c_bar, rho_pg_bar=rho_bar, lam=lam,\n    )\n    return torch"),
        ("rho_bar=rho_bar, c_bar=c_bar, rho_pg_bar=rho_pg_bar, lam=lam,\n    )\n    return torch",
         "rho_bar=rho_bar, c_bar=c_bar, rho_pg_bar=rho_pg_bar, lam=1.0,\n    )\n    return torch"),
        ("*(x.contiguous().numpy() for x in (rho, discount,", "*(x.contiguous().numpy() for x in (discount, rho,"),
        ("return torch.from_numpy(target), torch.from_numpy(advantage)",
         "return torch.from_numpy(advantage), torch.from_numpy(target)"),
        (".contiguous()", ""),
        ("(x.detach() for x in", "(x for x in"),
        ("delta = rho.clamp(max=rho_bar)", "delta = rho.clamp(max=c_bar)"),
        ("delta = rho.clamp(max=rho_bar)", "delta = rho"),
        ("delta = rho.clamp(max=rho_bar) * (reward + discount * next_value - value)",
         "delta = rho.clamp(max=rho_bar) * (reward + next_value - value)"),
        ("trace = discount * lam * rho.clamp(max=c_bar)", "trace = discount * lam"),
        ("trace = discount * lam * rho.clamp(max=c_bar)", "trace = discount * rho.clamp(max=c_bar)"),
        ("trace = discount * lam * rho.clamp(max=c_bar)", "trace = lam * rho.clamp(max=c_bar)"),
        ("trace = discount * lam * rho.clamp(max=c_bar)", "trace = discount * lam * rho.clamp(max=rho_bar)"),
        ("delta[t] + trace[t] * error", "delta[t] + trace[t - 1] * error"),
        ("target = value + torch.stack(errors[::-1])", "target = value + torch.stack(errors)"),
        ("target = value + torch.stack(errors[::-1])", "target = torch.stack(errors[::-1])"),
        ("torch.cat([target[1:], bootstrap[None]])", "torch.cat([value[1:], bootstrap[None]])"),
        ("torch.cat([target[1:], bootstrap[None]])", "torch.cat([target[1:], target[-1:]])"),
        ("torch.cat([value[1:], bootstrap[None]])", "torch.cat([value[1:], 0 * bootstrap[None]])"),
        ("rho.clamp(max=rho_pg_bar) *", "rho.clamp(max=rho_bar) *"),
    ],
    "td_lambda": [
        ("returns.td_lambda(*arrays, lam=lam)", "returns.td_lambda(*arrays, lam=1.0)"),
        ("(x.detach() for x in", "(x for x in"),
        ("for x in (discount, reward, value, bootstrap))\n    return torch",
         "for x in (discount, value, reward, bootstrap))\n    return torch"),
        ("torch.cat([value[1:], bootstrap[None]])", "torch.cat([value[1:], value[-1:]])"),
        ("target = bootstrap\n", "target = torch.zeros_like(bootstrap)\n"),
        ("reward[t] + discount[t] *", "reward[t] +"),
        ("(1 - lam) * next_value[t] + lam * target", "lam * next_value[t] + (1 - lam) * target"),
        ("(1 - lam) * next_value[t]", "(1 - lam) * value[t]"),
        ("torch.stack(targets[::-1])", "torch.stack(targets)"),
    ],
    "truncation": [
        ("torch.where(acted, rho, 1)", "rho"),
        ("torch.where(acted, discount, 0)", "discount"),
        ("torch.where(acted, reward, value)", "reward"),
        ("torch.where(acted, reward, value)", "torch.where(acted, reward, 0)"),
        ("torch.where(acted, reward, value)", "torch.where(acted, value, reward)"),
    ],
    "action_heads": [
        ("packed.unsqueeze(-1) >> shifts & 1", "packed.unsqueeze(-1) >> (7 - shifts) & 1"),
        (".flatten(-2)[..., :num_actions]", ".flatten(-2)[..., -num_actions:]"),
        (">> shifts & 1", ">> shifts"),
        ("torch.where(legal, logits, ILLEGAL)", "logits"),
        ("torch.where(legal, logits, ILLEGAL)", "torch.where(legal, logits, -torch.inf)"),
        ("torch.where(legal, logits, ILLEGAL)", "torch.where(legal, logits, logits - 5)"),
        ("return masked.log_softmax(-1)", "return masked.log_softmax(0)"),
        ("return masked.log_softmax(-1)", "return masked.softmax(-1)"),
        ("if len(head_sizes) == 1:", "if True:"),
        ("head.log_softmax(-1) for head", "head.log_softmax(0) for head"),
        ("total = total + log_p_head", "total = log_p_head"),
        ("action[..., head, None]", "action[..., 0, None]"),
        ("enumerate(torch.split(log_p, list(head_sizes), -1))", "enumerate([log_p] * len(head_sizes))"),
        ("return -(finite.exp()", "return (finite.exp()"),
        ("torch.where(legal, log_p, 0)", "log_p.clamp(min=-1)"),
        ("finite.exp() * finite", "finite.exp().detach() * finite"),
        ("finite.exp() * finite).sum(-1)", "finite.exp() * finite).mean(-1)"),
    ],
    "policy_loss": [
        ("-advantage.detach()", "advantage.detach()"),
        ("advantage.detach()", "advantage"),
        ("* log_prob, valid", "* log_prob.exp(), valid"),
        ("return masked_mean(-advantage.detach() * log_prob, valid)", "return (-advantage.detach() * log_prob).mean()"),
    ],
    "value_loss": [
        ("target.detach()) ** 2", "target) ** 2"),
        ("(value - target.detach()) ** 2", "(value.detach() - target) ** 2"),
        ("(value - target.detach()) ** 2", "(value - target.detach()).abs()"),
        ("return masked_mean((value - target.detach()) ** 2, valid)", "return ((value - target.detach()) ** 2).mean()"),
        ("target.detach()) ** 4", "target) ** 4"),
        ("(value - target.detach()) ** 4", "(value.detach() - target) ** 4"),
        ("(value - target.detach()) ** 4", "(value - target.detach()).abs() ** 3"),
        ("(value - target.detach()) ** 4", "(value - target.detach()) ** 2"),
        ("return masked_mean((value - target.detach()) ** 4, valid)", "return ((value - target.detach()) ** 4).mean()"),
    ],
    "actor_critic": [
        ("log_policy(logits[:-1], batch.legal[:-1]", "log_policy(logits[1:], batch.legal[:-1]"),
        ("log_policy(logits[:-1], batch.legal[:-1]", "log_policy(logits[:-1], batch.legal[1:]"),
        ("batch.log_prob.sum(-1)", "batch.log_prob[..., 0]"),
        ("(log_prob.detach() - batch.log_prob.sum(-1))", "(batch.log_prob.sum(-1) - log_prob.detach())"),
        ("rho = log_rho.exp()", "rho = log_rho.exp().clamp(max=1)"),
        ("ratio, discount, reward = neutralise(batch.valid, rho, batch.discount, batch.reward, fixed[:-1])",
         "ratio, discount, reward = rho, batch.discount, batch.reward"),
        ("neutralise(batch.valid, rho,", "neutralise(batch.valid, torch.ones_like(rho),"),
        ("_, advantage = vtrace(", "advantage, _ = vtrace("),
        ("(ratio, discount, reward, fixed[:-1], fixed[-1]", "(ratio, discount, reward, fixed[1:], fixed[-1]"),
        ("(ratio, discount, reward, fixed[:-1], fixed[-1]", "(ratio, discount, reward, fixed[:-1], fixed[0]"),
        ("rho_bar=config.rho_bar, c_bar=config.c_bar", "rho_bar=config.c_bar, c_bar=config.rho_bar"),
        ("rho_pg_bar=config.rho_pg_bar", "rho_pg_bar=config.rho_bar"),
        ("lam=config.vtrace_lambda", "lam=config.lam"),
        ("lam=config.lam)", "lam=config.vtrace_lambda)"),
        ("td_lambda(discount, reward, fixed[:-1], fixed[-1]", "td_lambda(discount, reward, fixed[1:], fixed[-1]"),
        ("td_lambda(discount, reward, fixed[:-1], fixed[-1]", "td_lambda(discount, reward, fixed[:-1], fixed[-2]"),
        ("squared_value_loss(value[:-1], target", "squared_value_loss(fixed[:-1], target"),
        ("squared_value_loss(value[:-1], target", "squared_value_loss(value[1:], target"),
        ("masked_mean(entropy(log_p, batch.legal[:-1]), batch.valid)", "entropy(log_p, batch.legal[:-1]).mean()"),
        ("- entropy_weight * mean_entropy", "+ entropy_weight * mean_entropy"),
        ("- entropy_weight * mean_entropy", "- config.entropy_weight * mean_entropy"),
        ("config.value_weight * loss_value", "loss_value"),
        ("config.policy_weight * loss_policy", "loss_policy"),
        ("1 - residual_variance / target_variance", "residual_variance / target_variance"),
        ("rho - 1 - log_rho", "-log_rho"),
        ("(rho > config.rho_bar)", "(rho > config.c_bar)"),
        ("masked_mean(rho, batch.valid)", "rho.mean()"),
        (".sqrt()", ""),
    ],
    "cloning_loss": [
        ("return -joint", "return joint"),
        ("torch.ones_like(logits,", "torch.zeros_like(logits,"),
        ("log_policy(logits,", "log_policy(logits.detach(),"),
        ("every, head_sizes)", "every, (logits.shape[1],))"),
        ("action, head_sizes)", "action, (logits.shape[1],))"),
        ("action, head_sizes)", "action.flip(0), head_sizes)"),
        (".mean()", ".sum()"),
        (".mean()", "[1:].mean()"),
        (".mean()", ".mean() / len(head_sizes)"),
    ],
    **SEARCH_MUTANTS,
}


def load(name: str, old: str = "", new: str = "") -> ModuleType:
    """The module learners.`name` from its source, with `old`, which must occur once, replaced by `new`."""
    source = (FOLDER / f"{name}.py").read_text()
    if old:
        if source.count(old) != 1:
            raise ValueError(f"learners/{name}.py has {source.count(old)} times, expected once: {old!r}")
        source = source.replace(old, new)
    module = ModuleType(f"mutant_of_{name}")
    sys.modules[module.__name__] = module       # dataclasses look there for the names in their annotations
    exec(compile(source, f"mutant of learners/{name}.py", "exec"), module.__dict__)
    return module


def survives(name: str, module: ModuleType) -> bool:
    """Whether the check of learners.`name` finds nothing wrong with `module`."""
    try:
        for seed in SEEDS:
            CHECKS[name](module, seed)
    except Exception:   # a mutant may die of anything
        return False
    return True


def survivors() -> list[str]:
    """The mutants that no check notices. Raises RuntimeError if an unchanged source does not pass."""
    found = []
    for name, mutants in MUTANTS.items():
        if not survives(name, load(name)):
            raise RuntimeError(f"learners/{name}.py fails its own check")
        found += [f"{name}: {old!r} -> {new!r}" for old, new in mutants if survives(name, load(name, old, new))]
    return found


def main() -> None:
    """Prints the survivors and exits with 1 if there are any."""
    found = survivors()
    total = sum(len(mutants) for mutants in MUTANTS.values())
    print("\n".join([*found, f"{total - len(found)} of {total} mutants died"]))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
