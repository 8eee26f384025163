import random

import pytest


@pytest.fixture
def arithmetic(answer):
    """Rows of sums: two cheap models that err seldom and apart, one that is always right and dear."""

    def rows(count, *, seed=0, prices=(0.01, 0.02, 1.0), error=0.1):
        chance = random.Random(seed)

        def said(right, price, error):
            wrong = chance.random() < error
            number = right + chance.randrange(1, 9) if wrong else right
            hedge = "I think it may be so. " if wrong and chance.random() < 0.5 else ""
            return answer(f"{hedge}The answer is {number}.", float(not wrong), price)

        made = []
        for number in range(count):
            right = chance.randrange(100, 999)
            responses = {
                "small": said(right, prices[0], error),
                "medium": said(right, prices[1], error),
                "large": said(right, prices[2], 0.02),
            }
            made.append({"prompt": f"Question {seed}.{number}?", "gold": right, "responses": responses})
        return made

    return rows
