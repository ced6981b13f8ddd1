"""The local stage: finds or starts the servers Socai needs on this machine, and runs Socai's own processes.

It stands above every other package and none of them knows it: in production `docker-compose.yml` or an operator's own
tools take its place, with the same environment names.
"""
