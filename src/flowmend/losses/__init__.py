"""What training minimises; each returns a scalar in its docstring's unit."""
