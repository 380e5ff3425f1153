"""evol: Evol-Instruct (WizardLM, arXiv 2304.12244) as a command-line pipeline."""

__version__ = "0.1.0"
