"""What would this line do here? A shell line is taken apart (`shell.parse`), and each command is judged in turn."""
