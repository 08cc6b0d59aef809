"""Maps of somebody else: a base map, at an address or in a file that this server hands out, and hosts that layers come from."""
