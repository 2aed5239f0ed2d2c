"""Three small real tables that come with the package, each with a datasheet beside it."""
