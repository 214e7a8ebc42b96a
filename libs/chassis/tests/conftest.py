import sys
from pathlib import Path

PROBE = Path(__file__).parent / "probe" / "src"
sys.path.insert(0, str(PROBE))
