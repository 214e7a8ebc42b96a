"""All SQL of the service, and nothing but SQL: statements, rows, and what their errors mean."""
