"""Lets `python loadtests/bench_<name>.py` find the package, as `python -m` does by itself.

Python puts the folder of a script on its path, not the folder above. There this file is what
`import loadtests` finds; it stands in for the package, wherever and however it was installed.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
__path__ = [str(HERE)]
sys.path.insert(1, str(HERE.parent))  # `broker`, where it is not installed
