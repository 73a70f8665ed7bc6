"""What several kinds of owners share: shells, how an end travels, pools of workers."""
