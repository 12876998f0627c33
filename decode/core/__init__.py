"""Leaves that every other part may import: files, checks, ids, seeds and executors."""
