"""The stages, in the order in which a delivery goes through them."""

from ao_workflows.catalog import WorkState
from ao_workflows.staging import archive, audit, publish, unbag
from ao_workflows.staging.stage import Stage

UNBAG = Stage(name="unbag", run=unbag.run, is_done=unbag.is_done)
AUDIT = Stage(name="audit", run=audit.run, is_done=audit.is_done, work_state=WorkState.AUDITED)
ARCHIVE = Stage(name="archive", run=archive.run, is_done=archive.is_done, work_state=WorkState.ARCHIVED)
PUBLISH = Stage(name="publish", run=publish.run, is_done=publish.is_done, work_state=WorkState.PUBLISHED)

WORK_STAGES = (AUDIT, ARCHIVE, PUBLISH)
"""The stages that each work goes through after its delivery is unbagged."""
