"""Adapters of payment providers; each is one package behind `domain.provider.Provider`."""
