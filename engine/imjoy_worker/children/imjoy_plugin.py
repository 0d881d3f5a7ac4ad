"""The plugin's scripts as a module: what `pickle` imports in a process of the plugin's own.

In the worker a module of this name is there already, so that this file is only ever read elsewhere.
"""

import os
import sys

_root = os.path.abspath(__file__)
for _ in range(3):
    _root = os.path.dirname(_root)
sys.path.insert(0, _root)
try:
    from imjoy_worker import child
finally:
    sys.path.remove(_root)
child.become_plugin(sys.modules[__name__])
