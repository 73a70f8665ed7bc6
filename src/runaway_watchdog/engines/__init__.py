"""What container engines tell, parsed once at the border: owners, effects and explanations see these types alone.

model     containers and volumes, in one set of types for every engine
kept      images, networks, services, pods, likewise
docker    from the Docker Engine's API
podman    from Podman's own JSON
compose   from Compose's own reading of its files

The JSON is whatever answers at a socket. What may be left out has a default; what is of another type than it can be
raises Unanswered, as an engine does that does not answer: nothing is told from half of an answer.
"""
