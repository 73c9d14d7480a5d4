import subprocess
import sys

HEAVY = ["duckdb", "pandas", "pyarrow", "numpy", "openpyxl", "tqdm", "asyncio"]

PROGRAM = f"""
import sys
from orders_es.cli import main
main(["show", "--help"], standalone_mode=False)
print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


def test_help_loads_no_data_libraries():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert "Usage:" in done.stdout
    assert done.stderr.strip() == "[]"
