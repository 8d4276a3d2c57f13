"""Memory fails in what composes one of every mail there is, to look at the templates: seconds, and tens of thousands of
places. The files of tests run side by side, so these have one of their own."""

import pytest
import test_memory
from harness import DAEMON, TOOL
from test_memory import memory      # noqa: F401: a fixture

pytestmark = test_memory.pytestmark


@pytest.mark.parametrize("command", [(DAEMON, "-t"), (TOOL, "check")], ids=["duewatchd -t", "duewatch check"])
def test_what_looks_at_templates(work, relay, memory, command):     # noqa: F811
    test_memory.reads(work, relay, memory, command, own=5, library=2)
