"""`gate` answers one question: may this pass, here, now?"""

__version__ = "0.1.0"
