"""BagIt as text: its declaration, manifests, tag files, and what makes a bag complete and valid (RFC 8493)."""

from ao_workflows.bags.bagit.algorithms import Algorithm, algorithm_named
from ao_workflows.bags.bagit.digests import Digests
from ao_workflows.bags.bagit.validation import BagValidation

__all__ = ["Algorithm", "BagValidation", "Digests", "algorithm_named"]
