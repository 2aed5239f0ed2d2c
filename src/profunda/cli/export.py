"""`profunda export`: a finished run's model as one file for other programs."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

__all__ = ["export"]


def export(
    run: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a finished run's model, with its preprocessing, as one file for other programs.

    Parameters
    ----------
    run
        The run's folder, or a saved model's.
    output
        model.onnx for ONNX Runtime and others, or model.pt2 for torch; an existing file is not overwritten.
    force
        Overwrite it.
    """
    from profunda.cli.run_folder import finished_model
    from profunda.exporting import writing

    writing.check_path(output, force)
    print(f"Written: {writing.export_file(finished_model(run), output, force=force)}")
