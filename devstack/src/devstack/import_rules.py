"""Import rules that import-linter doesn't bring along; registered in the root pyproject.toml."""

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """The named packages import themselves and the standard library, nothing else."""

    type_name = "standard_library_only"

    packages = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001, ARG002
        """Direct imports suffice: what they import themselves is checked as well."""
        strangers: list[str] = []
        packages: list[str] = list(self.packages)  # type: ignore[call-overload]
        for package in packages:
            for module in {package} | graph.find_descendants(package):
                strangers += [
                    f"{module} imports {imported}"
                    for imported in graph.find_modules_directly_imported_by(module)
                    if not _allowed(imported, package)
                ]
        return ContractCheck(kept=not strangers, metadata={"strangers": sorted(strangers)})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that should not be."""
        strangers: Any = check.metadata["strangers"]
        for stranger in strangers:
            output.print_error(stranger)


def _allowed(imported: str, package: str) -> bool:
    own = imported == package or imported.startswith(f"{package}.")
    return own or imported.partition(".")[0] in sys.stdlib_module_names
