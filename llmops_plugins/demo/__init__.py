"""A support agent that runs anywhere: a small shop, requests with checkable answers, a simulated model."""
