"""Start-up, checkpoints and user-facing errors of the command line tools."""
