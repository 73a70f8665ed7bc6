"""Docker's containers, Compose's services, a swarm's tasks, and what else acts on a container."""
