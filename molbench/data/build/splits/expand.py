"""A declared cross-validation is built as one scheme a fold."""

from collections.abc import Mapping

from molbench.errors import UserError
from molbench.spec.splits import Scheme, fold_name


def expand(schemes: Mapping[str, Scheme]) -> dict[str, Scheme]:
    """Schemes to build: a cross-validation ``name`` becomes its folds ``name-<repeat>-<fold>``.

    A fold is drawn by the generator and parameters of the cross-validation, ``repeat`` and ``fold`` in
    the place of ``repeats``. A digest declared for the whole is that of no fold, and is dropped.

    Args:
        schemes: As declared.

    Returns:
        All folds, and all schemes that are no cross-validation, in the order of the declarations.

    Raises:
        UserError: If a cross-validation does not say how many folds it has.
    """
    built: dict[str, Scheme] = {}
    for name, scheme in schemes.items():
        if not scheme.generator.startswith("kfold"):
            built[name] = scheme
            continue
        repeats, folds = _folds(name, scheme)
        shared = {key: value for key, value in scheme.parameters.items() if key != "repeats"}
        for repeat in range(repeats):
            for fold in range(folds):
                changes = {
                    "parameters": shared | {"repeat": repeat, "fold": fold},
                    "description": f"{scheme.description} Repeat {repeat}, fold {fold}.",
                    "digest": None,
                }
                built[fold_name(name, repeat, fold)] = scheme.model_copy(update=changes)
    return built


def _folds(name: str, scheme: Scheme) -> tuple[int, int]:
    try:
        repeats, folds = scheme.folds
    except (KeyError, TypeError, ValueError):
        repeats, folds = 0, 0
    if repeats < 1 or folds < 2:
        raise UserError(
            f"cross-validation '{name}' needs the parameters repeats, 1 or more, and folds, 2 or more"
        )
    return repeats, folds
