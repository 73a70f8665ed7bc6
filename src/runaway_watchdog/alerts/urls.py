"""Whether an alert URL is one: what `config.load` asks for each that it finds."""


def url_problem(url: str) -> str | None:
    """What is wrong with it, or None. Asks Apprise, which costs a fifth of a second: only where there is a URL."""
    from runaway_watchdog.alerts import channels

    return channels.url_problem(url)
