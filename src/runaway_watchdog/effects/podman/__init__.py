"""What Podman commands change here."""
