# Every target is one call of dev.py; those without make type `python3 dev.py demo` and so on.
PYTHON ?= python3

.PHONY: demo test test-slow test-native lint bench setup
demo test test-slow test-native lint bench setup:
	@$(PYTHON) dev.py $@
