"""The kernel's own texts, one small file a source: pure parsers, and readers of a few lines. Standard library only.

Whoever reads the kernel's text does it here, the resident watch too. That is why nothing heavy may be imported: a
module of this package costs the watch its memory for as long as the host is up.

The kernel ends a line with a line feed, and escapes that alone in the names that others choose: see `text.lines`.
"""
