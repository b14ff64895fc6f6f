"""Released arithmetic, written out step by step, once.

A file per method. Each transcribes the released code's steps with the
weights of our model; nothing is folded, reordered or left out for speed.
Tests compare our models with it, and ``benchmark.py operators`` times both.

``Plain`` is the transcription, ``Built`` the same stages as our neck and
head compute them, called alike; `stages` runs either.
"""
