"""One driver a provider: how to make its upstream behave in each way that the conformance suite asks for."""
