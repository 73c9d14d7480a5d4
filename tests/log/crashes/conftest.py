"""The programs that the processes of these tests run can be imported, here and in the processes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "programs"))
