"""The version that all packages of smithkit share."""

__version__ = "0.1.0"
