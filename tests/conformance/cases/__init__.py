"""What daemons are seen to do, a group of checks in each file."""
