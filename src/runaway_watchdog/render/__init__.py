"""How a case is said: one story, and each form of it (text, HTML, Markdown, JSON, push)."""
