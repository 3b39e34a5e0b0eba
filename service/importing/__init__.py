"""Deals from files: our own table, OpenGamma Strata's trades, FpML confirmations. Reading only; the gate decides."""
