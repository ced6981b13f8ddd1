# Thin aliases of ./socai, which works without make as well. `make` alone lists them.
.PHONY: help setup up start down status test check bench torture doctor lock
.DEFAULT_GOAL := help

help setup up start down status test check doctor lock:
	@./socai $@

bench:
	@./socai bench $(NAME)

torture:
	@./socai torture SEED=$(SEED) NAME=$(NAME) STORE=$(STORE)
