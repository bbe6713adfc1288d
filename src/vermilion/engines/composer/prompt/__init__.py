"""Words to wishes: what a prompt asks for, in nine languages."""
