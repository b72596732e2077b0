"""What must hold whatever is given: hypothesis looks for the counterexample."""
