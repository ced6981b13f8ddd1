"""The facts: money, accounts, what happened; events and the aggregates that decide them."""
