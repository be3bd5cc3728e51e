"""Trains the models of gpoeo from DVFS tables: measured sweeps, or the simulator's pool of jobs."""
