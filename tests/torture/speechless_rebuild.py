"""A planted fault: a rebuild that ends with an error of its own instead of a sentence. Nobody but tests runs it."""

from __future__ import annotations

raise RuntimeError("the server of the read tables did not answer, and nobody expected it")
