"""The HTTP door: who asks, what is asked, and the answer. Decisions are made by commands, answers read from tables."""
