"""What the supervisor process imports: it runs as long as the gateway, so it must stay small."""

from __future__ import annotations

import subprocess
import sys

LIST_MODULES = "import sys, flowgate.supervisor.daemon; print(*sys.modules)"


def test_the_supervisor_imports_no_third_party_package_and_no_asyncio() -> None:
    listed = subprocess.run([sys.executable, "-c", LIST_MODULES], check=True, capture_output=True, text=True).stdout
    bare = subprocess.run([sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True)
    imported = {name.partition(".")[0] for name in set(listed.split()) - set(bare.stdout.split())}
    assert imported - sys.stdlib_module_names == {"flowgate"}
    assert not imported & {"asyncio", "ssl", "argparse", "logging"}
