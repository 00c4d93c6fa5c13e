"""What several test suites share: servers, a running broker, HTTP clients, a small agent."""
