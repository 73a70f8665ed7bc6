"""What Compose commands change here."""
