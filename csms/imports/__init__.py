"""Taking over what another system has kept: read it, say it in our words, store it by the domain's own verbs."""
