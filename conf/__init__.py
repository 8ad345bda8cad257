"""The configuration files, as a package: Hydra finds them in a wheel and in a checkout alike."""
