"""Audit tests of works, the registry of them, and the report of what they found."""

from ao_workflows.audit.configuration import AuditConfiguration, AuditConfigurer, Moment
from ao_workflows.audit.contract import AuditedWork, AuditTest, ImageTest, examining
from ao_workflows.audit.findings import NOT_AUDITED, AuditFinding, Outcome, Severity, outcome_of
from ao_workflows.audit.options import quoted_options
from ao_workflows.audit.properties import AuditProperties, parse_properties
from ao_workflows.audit.registry import audit_tests, select_tests
from ao_workflows.audit.report import AuditRejected, AuditReport, TestResult
from ao_workflows.audit.runner import AuditUnreadable, run_audit, run_tests

__all__ = [
    "NOT_AUDITED",
    "AuditConfiguration",
    "AuditConfigurer",
    "AuditFinding",
    "AuditProperties",
    "AuditRejected",
    "AuditReport",
    "AuditTest",
    "AuditUnreadable",
    "AuditedWork",
    "ImageTest",
    "Moment",
    "Outcome",
    "Severity",
    "TestResult",
    "audit_tests",
    "examining",
    "outcome_of",
    "parse_properties",
    "quoted_options",
    "run_audit",
    "run_tests",
    "select_tests",
]
