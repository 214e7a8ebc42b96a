"""HTTP: routes, request and response models. No rules."""
