"""The cells a second time, in plain numpy from SPEC section 1 alone: a second witness."""
