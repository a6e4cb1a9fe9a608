"""Texts into sentences, chunks and pairs, and the words that texts share. No torch, no scores."""
