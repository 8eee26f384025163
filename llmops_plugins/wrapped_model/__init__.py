"""The chat model that `with_middleware` returns, and what it is made of."""
