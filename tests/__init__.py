"""Tests of mmmtl; a package of its own, since wheels install one too."""
