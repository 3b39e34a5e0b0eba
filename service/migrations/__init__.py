"""How the bank's database comes to be and stays in step with the code and the policy."""
