"""The second rig: the same host as a whole machine, with a kernel of its own."""
