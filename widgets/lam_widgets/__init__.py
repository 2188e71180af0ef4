"""Notebook widgets around lam_nb."""
