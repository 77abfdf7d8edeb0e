"""Breaks the loss sources on purpose and shows that the checks notice: `python -m tests.learners.mutants`.

A mutant is a source of learners/ with one piece of text replaced, run as a module of its own.
"""
from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import learners
from tests.learners.checks import CHECKS
from tests.learners.objective_mutants import OBJECTIVE_MUTANTS
from tests.learners.scan_mutants import SCAN_MUTANTS
from tests.learners.search_mutants import SEARCH_MUTANTS

SEEDS = range(4)
FOLDER = Path(learners.__file__).parent

MUTANTS: dict[str, list[tuple[str, str]]] = {
    "masked": [
        ("torch.where(mask.bool(), x, 0).sum()", "x.sum()"),
        ("torch.where(mask.bool(), x, 0).sum()", "(x * mask).sum()"),
        ("x, 0).sum() / mask.sum().clamp(min=1)", "x, 0).mean()"),
        ("x, 0).sum() / mask.sum().clamp(min=1)", "x, 0).sum() / mask.sum()"),
        ("torch.where(mask.flatten().bool(), rows, 0)", "rows"),
        ("torch.where(mask.flatten().bool(), rows, 0)", "(rows * mask.flatten())"),
        (".sum(1) / mask.sum().clamp(min=1)", ".mean(1)"),
        (".sum(1) / mask.sum().clamp(min=1)", ".sum(1) / mask.sum()"),
        ("zip(columns, means.unbind()", "zip(columns, means.flip(0).unbind()"),
    ],
    "action_heads": [
        (', bitorder="little"', ""),
        ("axis=-1, count", "axis=0, count"),
        ("packed.unsqueeze(-1) >> shifts & 1", "packed.unsqueeze(-1) >> (7 - shifts) & 1"),
        (".flatten(-2)[..., :num_actions]", ".flatten(-2)[..., -num_actions:]"),
        (">> shifts & 1", ">> shifts"),
        ("contiguous().movedim(0, -1)", "contiguous().view(x.shape)"),
        ("log_softmax(0).movedim(0, -1)", "softmax(0).movedim(0, -1)"),
        ("torch.where(legal, _laid_out(logits), ILLEGAL)", "_laid_out(logits)"),
        ("_laid_out(logits), ILLEGAL)", "_laid_out(logits), -torch.inf)"),
        ("_laid_out(logits), ILLEGAL)", "logits, logits - 5)"),
        ("return laid_out.log_softmax(-1)", "return laid_out.log_softmax(0)"),
        ("return laid_out.log_softmax(-1)", "return laid_out.softmax(-1)"),
        ("if len(head_sizes) == 1:\n        return _log", "if True:\n        return _log"),
        ("action[..., head, None]", "action[..., 0, None]"),
        ("in enumerate(heads)]", "in enumerate([log_p] * len(heads))]"),
        ("return -(finite.exp()", "return (finite.exp()"),
        ("torch.where(legal, log_p, 0)", "log_p.clamp(min=-1)"),
        ("finite.exp() * finite", "finite.exp().detach() * finite"),
        ("finite.exp() * finite).sum(-1)", "finite.exp() * finite).mean(-1)"),
    ],
    "terms": [
        ("if one[0]} or losses", "} or losses"),
        ("if one[0]} or losses", "if one[0]}"),
        ("part * weight * loss", "weight * loss"),
        ("part * weight * loss", "part * loss"),
        ("reduce(torch.add, self.weighted.values())", "next(iter(self.weighted.values()))"),
        ("norm / total).detach()", "norm).detach()"),
        ("retain_graph=True", "retain_graph=False"),
    ],
    "policy_loss": [
        ("-gain.sum(-1) if gain.ndim > valid.ndim else -gain", "gain.sum(-1) if gain.ndim > valid.ndim else gain"),
        ("-gain.sum(-1) if", "-gain.mean(-1) if"),
        ("-gain.sum(-1) if", "-gain[..., 0] if"),
        ("advantage.detach()", "advantage"),
        ("* log_prob", "* log_prob.exp()"),
        ("* log_prob", "* log_prob.detach()"),
        (", valid)", ", torch.ones_like(valid))"),
    ],
    "value_loss": [
        ("target.detach()) ** 2", "target) ** 2"),
        ("(value - target.detach()) ** 2", "(value.detach() - target) ** 2"),
        ("(value - target.detach()) ** 2", "(value - target.detach()).abs()"),
        ("(value - target.detach()) ** 2, valid", "(value - target.detach()) ** 2, torch.ones_like(valid)"),
        ("target.detach()) ** 4", "target) ** 4"),
        ("(value - target.detach()) ** 4", "(value.detach() - target) ** 4"),
        ("(value - target.detach()) ** 4", "(value - target.detach()).abs() ** 3"),
        ("(value - target.detach()) ** 4", "(value - target.detach()) ** 2"),
        ("(value - target.detach()) ** 4, valid", "(value - target.detach()) ** 4, torch.ones_like(valid)"),
        ("target, old_value = target.detach(), old_value", "target, old_value = target, old_value"),
        ("old_value.detach()\n", "old_value\n"),
        ("clamp(-clip, clip)", "clamp(max=clip)"),
        ("clamp(-clip, clip)", "clamp(min=-clip)"),
        ("old_value + (value - old_value)", "target + (value - target)"),
        ("torch.maximum(", "torch.minimum("),
        ("torch.maximum((value - target) ** 2, (held - target) ** 2)", "(held - target) ** 2"),
        ("(held - target) ** 2), valid", "(held - target) ** 2), torch.ones_like(valid)"),
    ],
    "ppo_loss": [
        ("masked_mean(-surrogate", "masked_mean(surrogate"),
        ("masked_mean(-surrogate, valid", "masked_mean(-surrogate, torch.ones_like(valid)"),
        ("behaviour_log_prob.detach())", "behaviour_log_prob)"),
        ("(log_prob - behaviour_log_prob.detach())", "(behaviour_log_prob.detach() - log_prob)"),
        (".clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)", ""),
        ("advantage.detach()\n    surrogate", "advantage\n    surrogate"),
        ("torch.minimum(", "torch.maximum("),
        ("torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)", "ratio * gain"),
        ("torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)",
         "ratio.clamp(1 - clip, 1 + clip) * gain"),
        ("clamp(1 - clip, 1 + clip)", "clamp(max=1 + clip)"),
        ("clamp(1 - clip, 1 + clip)", "clamp(1 / (1 + clip), 1 + clip)"),
        ("ratio.detach(), log_ratio.detach()", "ratio, log_ratio"),
        ("(fixed - 1).abs() > clip", "fixed - 1 > clip"),
        ("fixed - 1 - log_fixed, valid", "-log_fixed, valid"),
        ("fixed - 1 - log_fixed, valid", "fixed - 1 - log_fixed, torch.ones_like(valid)"),
        ("advantage, rows = advantage.detach()", "advantage, rows = advantage"),
        ("torch.where(rows, advantage, 0).sum()", "advantage.sum()"),
        ("torch.where(rows, centred, 0)", "centred"),
        ("rows.sum().to(", "rows.new_full((), rows.numel()).to("),
        (".clamp(min=1)\n    centred", "\n    centred"),
        ("advantage - sums[0] / count", "advantage"),
        ("variance.sqrt()", "variance"),
        ("variance.sqrt() + 1e-8", "variance.sqrt()"),
        ("variance.sqrt() + 1e-8", "variance.sqrt() + 1e-3"),
        ("sums = add(torch.stack(", "sums = (torch.stack("),
        ("variance = add(", "variance = ("),
    ],
    "reference_kl": [
        ("reference = reference_log_p.detach()", "reference = reference_log_p"),
        ("(reference.exp() * excess)", "(log_p.exp() * excess)"),
        ("reference - torch.where(counts, log_p, 0)", "torch.where(counts, log_p, 0) - reference"),
        ("torch.where(counts, log_p, 0)", "torch.where(counts, log_p.detach(), 0)"),
        # the behaviour policy's logits in the place of the policy's
        ("torch.where(counts, log_p, 0)", "torch.where(counts, reference_log_p, 0)"),
        ("torch.where(counts, log_p, 0)", "log_p"),
        ("torch.where(counts, reference, 0)", "reference"),
        ("legal & (reference > -torch.inf)", "reference > -torch.inf"),
        ("legal & (reference > -torch.inf)", "legal"),
        (".sum(-1)", ".mean(-1)"),
        (", valid)", ", torch.ones_like(valid))"),
    ],
    "cloning_loss": [
        ("return -log_prob", "return log_prob"),
        ("every = torch.ones_like(logits,", "every = torch.zeros_like(logits,"),
        ("log_policy(logits,", "log_policy(logits.detach(),"),
        ("every, head_sizes)", "every, (logits.shape[1],))"),
        ("action, head_sizes)", "action, (logits.shape[1],))"),
        ("action, head_sizes)", "action.flip(0), head_sizes)"),
        (".sum(-1)", ".mean(-1)"),
        (".sum(-1)", "[..., 0]"),
    ],
    **SCAN_MUTANTS,
    **SEARCH_MUTANTS,
    **OBJECTIVE_MUTANTS,
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
