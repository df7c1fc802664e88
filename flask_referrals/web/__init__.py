"""Pages: thin views over the services; blueprint factories."""
