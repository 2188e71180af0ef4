"""Methods: a question a module, the verb and its table."""
