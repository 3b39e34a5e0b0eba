"""Who can act now and why not me: told by the same judgement that is enforced."""
