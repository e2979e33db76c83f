"""What the integration tests share: servers, the daemon as a process, events, bounded waiting."""
