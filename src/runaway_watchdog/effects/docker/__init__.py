"""What Docker commands change here, and what Docker's families share with Compose and Podman."""
