"""The analyst's bench: JupyterLab as `make lab` opens it, how results show there, and new notebooks."""
