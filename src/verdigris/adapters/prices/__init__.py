"""What tokens cost: the kept price table and the owner's own prices."""
