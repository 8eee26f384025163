"""Calibrates the rule that ships for the embedded default, and writes it into the package."""

from pathlib import Path

import llmops_plugins
from llmops_plugins.caching.shipped import build_shipped_rule

FILE = Path(llmops_plugins.__file__).parent / "caching" / "minilm_rule.json"

if __name__ == "__main__":
    rule = build_shipped_rule()
    rule.save(FILE)
    print(f"{FILE.name}: {rule.pairs:,} pairs, of which {len(rule.calibration.same):,} show the bound")
    for max_error in (0.01, 0.02, 0.05):
        tested = rule.threshold(max_error, 0.9)
        right = tested.served - tested.wrong
        share = right / rule.calibration.same.sum()
        print(f"max_error {max_error}: from {tested.probability:.3f} on, {share:.1%} of the same served")
