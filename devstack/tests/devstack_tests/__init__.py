"""A package by its own name: pytest would else take the folder `devstack/` for the package."""
