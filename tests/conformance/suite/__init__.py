"""What runs the peer against a daemon, and checks what it sees."""
