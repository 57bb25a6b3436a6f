"""The version that all packages of smithkit share."""

__all__ = ["__version__"]

__version__ = "0.1.0"
