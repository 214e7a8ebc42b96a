"""HTTP: requests into use cases, results into answers. No rules here."""
